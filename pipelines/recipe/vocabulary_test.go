package recipe_test

import (
	"moslava/pipelines/recipe"
	"moslava/pipelines/recipes"
)

func init() { recipe.SetWords(recipes.Vocabulary()) }
