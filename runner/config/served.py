"""The settings of what is served on the network: the live view and the API."""

from __future__ import annotations

from pydantic import Field

from runner.config import values
from runner.config.section import Section


class LiveSettings(Section):
    """The live view: running browsers to be watched, and taken over, from a browser on this machine."""

    enabled: bool = Field(default=False, description="Serve it while a daemon or an on-demand run is at work.")
    port: values.Whole = Field(
        default=8701, ge=0, le=65_535, description="Its port on 127.0.0.1; 0 takes any that is free."
    )
    fps: values.Whole = Field(default=3, ge=1, le=10, description="Pictures a second at most, while somebody watches.")
    quality: values.Whole = Field(default=60, ge=10, le=95, description="JPEG quality of these pictures.")


class ConsoleSettings(Section):
    """The HTTP API: who can reach it, and how."""

    enabled: bool = Field(default=False, description="Serve it with every runner daemon, as --console does.")
    host: values.Host = Field(default="127.0.0.1", description="The address to listen at; this machine only, as it is.")
    port: values.Whole = Field(default=8700, ge=0, le=65_535, description="The port to listen at; 0 takes a free one.")
    allowed_hosts: tuple[values.Host, ...] = Field(
        default=(), description='Further names by which it is reached, such as ["runner.example"].'
    )
    behind_proxy: bool = Field(
        default=False, description="A proxy in front of it does TLS and says who asks; needed for other addresses."
    )
    tls_cert: values.FilePath | None = Field(
        default=None, description="The certificate to serve it with.", examples=["tls/cert.pem"]
    )
    tls_key: values.FilePath | None = Field(
        default=None, description="The certificate's private key.", examples=["tls/key.pem"]
    )
    requests_per_minute: values.Whole = Field(
        default=1200, ge=10, le=1_000_000, description="How much one person or one program may ask."
    )
    stuck_after_s: values.Seconds = Field(
        default=600.0, description="Work that is due for so long while nothing begins makes /readyz fail."
    )
