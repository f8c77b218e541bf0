"""``http.*``: an HTTP request of a check got no answer, or not the one that is wanted."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode(
        "http.timeout",
        "The HTTP server did not answer in time",
        hint="TCP (and TLS) work, so the application behind is stalled; timeout= is the limit",
    ),
    FailureCode(
        "http.closed",
        "The HTTP server closed the connection without a whole answer",
        hint="A crashed process, a proxy without a healthy backend, or a server that expects TLS",
    ),
    FailureCode(
        "http.protocol",
        "The answer is not valid HTTP",
        retryable=False,
        hint="Another service, or TLS, is on this port: what came first is in the evidence",
    ),
    FailureCode(
        "http.too_large",
        "The HTTP response is larger than the limit",
        retryable=False,
        hint="Raise max_size= if such responses are right",
    ),
    FailureCode(
        "http.too_many_redirects",
        "Too many HTTP redirects",
        retryable=False,
        hint="The way they led is in the evidence; a login that is missing often leads in circles",
    ),
    FailureCode(
        "http.insecure_redirect",
        "A redirect leads from TLS to plain text",
        retryable=False,
        hint="A proxy that ends TLS may not tell the server of it (X-Forwarded-Proto); if the "
        "address is right, request it itself",
    ),
    FailureCode(
        "http.status",
        "The HTTP status is not the one expected",
        hint="The body says more, and so does the server's log at this time",
    ),
    FailureCode(
        "http.invalid_json",
        "The HTTP response is not JSON",
        retryable=False,
        hint="Often an error page or a login page: see status and content type; "
        "raise_for_status() before json() tells of them first",
    ),
)
