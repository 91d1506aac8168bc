"""What a study is called that is given as data, without a recipe."""

from wellfit.recipe_file import study_name

__all__ = ["study_name"]
