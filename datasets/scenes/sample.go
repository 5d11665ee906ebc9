package scenes

// Turn is one message of a conversation.
type Turn struct{ From, Value string }

// Sample is one stored conversation, with its picture if it has one.
type Sample struct {
	ID        string
	Image     []byte
	ImagePath string
	Turns     []Turn
	Origin    string
}

const imageMarker = "<image>\n"
