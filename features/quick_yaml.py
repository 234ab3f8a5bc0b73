"""YAML read by libyaml, where PyYAML has it: a sixth of the time, for which a server's start and first answers wait."""

from typing import Any

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

if yaml.__with_libyaml__:
    from yaml.cyaml import CParser  # type: ignore[attr-defined]  # its stub forgets it

    class QuickLoader(Composer, CParser, SafeConstructor, Resolver):
        """As yaml.SafeLoader, with libyaml's parser. It composes in Python: libyaml's composer ends the process where a text is nested deeply."""

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            Composer.__init__(self)
            SafeConstructor.__init__(self)
            Resolver.__init__(self)

else:
    QuickLoader = yaml.SafeLoader  # type: ignore[misc, assignment]


def read_yaml(text: str) -> Any:
    """What the text says. Raises yaml.YAMLError, in the words of PyYAML's own parser, if it is not YAML."""
    try:
        return QuickLoader(text).get_single_data()
    except (yaml.YAMLError, ValueError):
        return yaml.safe_load(text)
