package protocols

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"moslava/pipelines/eval/suites"
)

// showFirst shows one picture, whatever the text says of others: message_to_promptimg of VLMEvalKit, MMMU's
// process_single_sample.
func showFirst(it suites.Item) ([]int, error) {
	if it.ImageKey == "" {
		return nil, nil
	}
	return []int{0}, nil
}

func showAll(it suites.Item) ([]int, error) {
	places := make([]int, len(it.Pictures()))
	for i := range places {
		places[i] = i
	}
	return places, nil
}

// place checks that the item has the picture that a text calls <image number>, and counts it from 0.
func place(it suites.Item, number string) (int, error) {
	n, err := strconv.Atoi(number)
	if all := len(it.Pictures()); err != nil || n < 1 || n > all {
		return 0, fmt.Errorf("found <image %.20s> in the text, expected the number of one of the item's %d pictures", number, all)
	}
	return n - 1, nil
}

// splitMMMU is split_MMMU of VLMEvalKit at ff8017cc with what message_to_promptimg makes of it: the text is cut at
// <image N>, of which N is one digit, and its parts are joined by line ends. numbers are those of the pictures in the
// text's order.
func splitMMMU(text string) (joined string, numbers []string, err error) {
	parts := strings.Split(text, "<image ")
	for i, part := range parts[1:] {
		if len(part) < 2 || part[0] < '0' || part[0] > '9' || part[1] != '>' {
			return "", nil, fmt.Errorf("found \"<image %.20s\" in the text, expected a digit and >", part)
		}
		numbers, parts[i+1] = append(numbers, part[:1]), part[2:]
	}
	return strings.Join(parts, "\n"), numbers, nil
}

// promptSplitMMMU is promptXTunerOptions without the names of pictures.
func promptSplitMMMU(it suites.Item) string {
	text := promptXTunerOptions(it)
	if joined, _, err := splitMMMU(text); err == nil { // showSplitMMMU tells of the error
		return joined
	}
	return text
}

// showSplitMMMU shows the picture that the text names first, or the first one.
func showSplitMMMU(it suites.Item) ([]int, error) {
	_, numbers, err := splitMMMU(promptXTunerOptions(it))
	if err != nil {
		return nil, err
	}
	if len(numbers) == 0 {
		return showFirst(it)
	}
	var places []int
	for _, n := range numbers {
		k, err := place(it, n)
		if err != nil {
			return nil, err
		}
		places = append(places, k)
	}
	return places[:1], nil
}

var namedPicture = regexp.MustCompile(`<image (\d+)>`)

// showNamed is mmmu_doc_to_visual of lmms-eval: the pictures that question and options name, each once, in the order of
// their numbers. Where none is named, none is shown.
func showNamed(it suites.Item) ([]int, error) {
	it.Hint = ""
	var places []int
	for _, m := range namedPicture.FindAllStringSubmatch(promptBody(it), -1) {
		k, err := place(it, m[1])
		if err != nil {
			return nil, err
		}
		places = append(places, k)
	}
	slices.Sort(places)
	return slices.Compact(places), nil
}

// showMMMU is process_single_sample of MMMU with its LLaVA-1.5 scripts. They draw an answer where options have several
// pictures spelled <img='..'>, which the published questions have not had since they name pictures <image N>.
func showMMMU(it suites.Item) ([]int, error) {
	n := 0
	for _, c := range it.Choices {
		n += strings.Count(c.Text, "<img='")
	}
	if n > 1 {
		return nil, fmt.Errorf("found %d pictures <img='..'> in the options, for which upstream draws an answer without asking: not implemented", n)
	}
	return showFirst(it)
}

// unmarked takes ImageMarker out of the text, as LLaVA_XTuner of VLMEvalKit does.
func unmarked(prompt func(suites.Item) string) func(suites.Item) string {
	return func(it suites.Item) string { return strings.ReplaceAll(prompt(it), ImageMarker, "") }
}
