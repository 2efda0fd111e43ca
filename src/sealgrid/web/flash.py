"""What a page says once, after a form was taken: it travels in a cookie and is gone when it was shown."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from litestar import Response
from litestar.response import Redirect

COOKIE = "sealgrid_told"
MOST = 1000  #: characters
R = TypeVar("R", bound=Response[Any])


def redirect(path: str, *sentences: str) -> Redirect:
    """Send the browser to a page that says these sentences."""
    return remember(Redirect(path, status_code=303), *sentences)


def remember(answer: R, *sentences: str) -> R:
    """Have the browser's next page say these sentences."""
    if told := joined(sentences):
        answer.set_cookie(COOKIE, quote(told[:MOST], safe=""), httponly=True, samesite="strict")
    return answer


def joined(sentences: Sequence[str]) -> str:
    """Return sentences as one text; empty ones are left out."""
    return " ".join(each for each in sentences if each)


def begun(sentences: Sequence[str]) -> list[str]:
    """Return sentences of the SDK's, which are written to follow a colon, as they begin a text."""
    return [each[:1].upper() + each[1:] for each in sentences]


def notice_in(cookies: Mapping[str, str]) -> str:
    """Return what a browser is to be told; whoever else may have set the cookie, it is shown as text."""
    return unquote(cookies.get(COOKIE, ""))[:MOST]


def told(answer: Response[bytes]) -> Response[bytes]:
    """Have the browser forget what it was told."""
    answer.delete_cookie(COOKIE)
    return answer
