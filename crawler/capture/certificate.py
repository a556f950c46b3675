"""The server's TLS certificate, out of what Scrapy's handlers give."""

from __future__ import annotations

from twisted.internet.ssl import Certificate


def certificate_der(certificate: object) -> bytes | None:
    """The DER bytes of `scrapy.http.Response.certificate`; None without TLS.

    Scrapy's HTTP/1.1 handler gives Twisted's `Certificate`, also around nothing at all where there was no TLS; its
    other handlers give DER bytes.
    """
    if isinstance(certificate, bytes):
        return certificate or None
    if not isinstance(certificate, Certificate) or certificate.original is None:
        return None
    der: bytes = certificate.dump()
    return der
