"""The only reader of playwright.config.toml and of the environment.

`load.load` gives frozen `settings.Settings` or one `problems.ConfigError` that lists every problem;
`template.template` is what `runner init` writes; `secrets.resolve` turns a reference into the secret itself.
"""
