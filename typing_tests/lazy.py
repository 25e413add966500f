from typing import TYPE_CHECKING, assert_type

import kerasplug
from kerasplug import lazy_exports

if TYPE_CHECKING:
    from fractions import Fraction as Ratio  # noqa: TC004 -- what lazy_exports() loads

lazy_exports(__name__, {"Ratio": "fractions:Fraction"})

assert_type(Ratio(1, 2), Ratio)
assert_type(kerasplug.lazy_exports(__name__, {}), None)
