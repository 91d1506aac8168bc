"""The augmentations of single samples by name, in the order in which they are applied: geometry first, composed into
one resampling, then colors, then what is drawn over the picture.
"""

from __future__ import annotations

from collections.abc import Mapping

from wellfit.regularize.batch.blur import Blur
from wellfit.regularize.batch.brightness import Brightness
from wellfit.regularize.batch.contrast import Contrast
from wellfit.regularize.batch.cutout import Cutout
from wellfit.regularize.batch.elastic import Elastic
from wellfit.regularize.batch.feature_dropout import FeatureDropout
from wellfit.regularize.batch.frequency_masking import FrequencyMasking
from wellfit.regularize.batch.gaussian_noise import GaussianNoise
from wellfit.regularize.batch.grayscale import Grayscale
from wellfit.regularize.batch.horizontal_flip import HorizontalFlip
from wellfit.regularize.batch.hue import Hue
from wellfit.regularize.batch.perspective import Perspective
from wellfit.regularize.batch.random_crop import RandomCrop
from wellfit.regularize.batch.random_erasing import RandomErasing
from wellfit.regularize.batch.random_resized_crop import RandomResizedCrop
from wellfit.regularize.batch.rotation import Rotation
from wellfit.regularize.batch.salt_and_pepper import SaltAndPepper
from wellfit.regularize.batch.saturation import Saturation
from wellfit.regularize.batch.scale import Scale
from wellfit.regularize.batch.sharpness import Sharpness
from wellfit.regularize.batch.shear import Shear
from wellfit.regularize.batch.time_masking import TimeMasking
from wellfit.regularize.batch.time_shift import TimeShift
from wellfit.regularize.batch.translation import Translation
from wellfit.regularize.batch.vertical_flip import VerticalFlip
from wellfit.regularize.stages import Augmentation

GEOMETRY: Mapping[str, type[Augmentation]] = {
    # name                 class             source
    "horizontal_flip": HorizontalFlip,  #    Krizhevsky 2012
    "vertical_flip": VerticalFlip,  #        Krizhevsky 2012
    "rotation": Rotation,  #                 Simard 2003
    "translation": Translation,  #           LeCun 1998
    "scale": Scale,  #                       LeCun 1998
    "shear": Shear,  #                       LeCun 1998
    "perspective": Perspective,  #           Heckbert 1989
    "random_crop": RandomCrop,  #            He 2016
    "random_resized_crop": RandomResizedCrop,  # Szegedy 2015
    "elastic": Elastic,  #                   Simard 2003; at the end of the resampling
}

PIXELS: Mapping[str, type[Augmentation]] = {
    "brightness": Brightness,  #         Howard 2013
    "contrast": Contrast,  #             Howard 2013
    "saturation": Saturation,  #         Howard 2013
    "hue": Hue,  #                       Chen 2020
    "grayscale": Grayscale,  #           Chen 2020
    "blur": Blur,  #                     Chen 2020
    "sharpness": Sharpness,  #           Cubuk 2019
    "gaussian_noise": GaussianNoise,  #  Sietsma & Dow 1991
    "salt_and_pepper": SaltAndPepper,  # Vincent 2010
    "random_erasing": RandomErasing,  #  Zhong 2020
    "cutout": Cutout,  #                 DeVries & Taylor 2017
}

VECTORS: Mapping[str, type[Augmentation]] = {
    "feature_dropout": FeatureDropout,  # Srivastava 2014
}

SEQUENCES: Mapping[str, type[Augmentation]] = {
    "time_shift": TimeShift,  #                Simard 2003
    "time_masking": TimeMasking,  #            Park 2019
    "frequency_masking": FrequencyMasking,  #  Park 2019
}

IMAGES: Mapping[str, type[Augmentation]] = {**GEOMETRY, **PIXELS}
