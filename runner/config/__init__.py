"""The only reader of playwright.config.toml and of the environment.

`load` gives frozen `Settings` or one `ConfigError` that lists every problem; `template` is what `runner init` writes;
`secrets.resolve` turns a reference into the secret itself.
"""

from runner.config.load import load as load
from runner.config.problems import ConfigError as ConfigError
from runner.config.settings import Settings as Settings
from runner.config.template import template as template
