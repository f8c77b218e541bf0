"""``http.*``: an HTTP request of a check failed before an answer came."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode("http.timeout", "The HTTP server did not answer in time"),
    FailureCode("http.closed", "The HTTP server closed the connection without an answer"),
    FailureCode("http.protocol", "The answer is not valid HTTP", retryable=False),
    FailureCode("http.too_large", "The HTTP response is larger than the limit", retryable=False),
    FailureCode("http.too_many_redirects", "Too many HTTP redirects", retryable=False),
    FailureCode("http.status", "The HTTP status is not the one expected"),
)
