package suites

// Options steer how a file becomes a suite. The zero value reads every published MMBench, CCBench and POPE file.
type Options struct {
	// Name is the suite's name in results; the file's base name without .tsv when empty.
	Name string
	// Called stands in errors for the file's path, where people have not named that; empty: the path does.
	Called string
	// Kind is detected when empty: yes/no without option columns; circular when the file holds rotated rows (index >=
	// 1e6 with its base row there too) or its name has mmbench, ccbench, circular or mmcr in it (VLMEvalKit's rule);
	// else vanilla.
	Kind Kind
	// PandasMissing treats the texts that pandas.read_csv takes for a missing value (None, NA, nan, null..) as empty
	// fields, as VLMEvalKit does without meaning to: an option "None" is then not asked. Off, such texts stay what they
	// are.
	PandasMissing bool
	// Family is the benchmark, which protocols go by; by name and kind when empty.
	Family Family
	// Columns gives the file's names of columns that are called otherwise there: {"question": "prompt"}.
	Columns map[string]string
	// Images are folders in which pictures that the column image_path names are looked for, in order, before the
	// table's own: its folder and images/ in it.
	Images []string
	// TextRows lets rows have no picture in a table that has pictures. Tables of ScienceQA and MMMU may, in any other a
	// row without one is an error.
	TextRows bool
	// TextOnly looks for no pictures: to score answers that are there already.
	TextOnly bool
}

// textColumns are read besides A..Z, index, answer and image.
var textColumns = []string{"question", "hint", "category", "source", "l2-category", "comment", "split"}

// pandasMissing are the default na_values of pandas.read_csv 2.x.
var pandasMissing = map[string]bool{
	"#N/A": true, "#N/A N/A": true, "#NA": true, "-1.#IND": true, "-1.#QNAN": true, "-NaN": true, "-nan": true, "1.#IND": true,
	"1.#QNAN": true, "<NA>": true, "N/A": true, "NA": true, "NULL": true, "NaN": true, "None": true, "n/a": true, "nan": true, "null": true,
}

// PandasMissing says whether pandas.read_csv and read_excel take a cell for a missing value.
func PandasMissing(cell string) bool { return cell == "" || pandasMissing[cell] }

// renamed is our name of a column of the file.
func (o Options) renamed(column string) string {
	for ours, theirs := range o.Columns {
		if theirs == column {
			return ours
		}
	}
	if _, taken := o.Columns[column]; taken {
		return "" // its name stands for another column
	}
	return column
}
