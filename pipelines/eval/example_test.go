package eval_test

import (
	"context"
	"fmt"
	"strings"

	"moslava/pipelines/eval"
	"moslava/pipelines/eval/suites"
)

// first is a model that always takes the first option. Package answers makes an Answerer of a real one.
type first struct{}

func (first) TakesPictures() error { return nil }

func (first) Answer(_ context.Context, questions []eval.Question, _ eval.AnswerOptions) ([]string, error) {
	texts := make([]string, len(questions))
	for i := range texts {
		texts[i] = "A"
	}
	return texts, nil
}

func (first) Letters(context.Context, []eval.Question, []string) ([][]float64, error) {
	return nil, fmt.Errorf("no protocol of this example asks for letters")
}

// A suite is asked and scored. Circularly asked, with its options in every order, a question counts if all answers
// are right.
func Example() {
	table := "index\tquestion\tA\tB\tanswer\n1\tWhich is red?\tblood\tgrass\tA\n2\tWhich flies?\ta stone\ta bird\tB\n"
	for _, kind := range []suites.Kind{suites.Vanilla, suites.Circular} {
		opt := suites.Options{Name: "things", Kind: kind}
		suite, err := suites.Read("things.tsv", strings.NewReader(table), opt)
		if err != nil {
			fmt.Println(err)
			return
		}
		result, err := eval.Run(context.Background(), suite, first{}, eval.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(result.Line())
	}
	// Output:
	// things: accuracy 50.0 % (1 of 2, 95 % interval 9.5 to 90.5), vlmevalkit-2024.06
	// things: circular 0.0 % (0 of 2, 95 % interval 0.0 to 65.8), vlmevalkit-2024.06
}
