"""The URLs of mirrors: which ones open, and that no error shows a password."""

import pytest

from sealgrid.errors import InputRefused
from sealgrid.storage.mirrors import check_mirror, open_mirrors
from sealgrid.storage.object_store import FolderMirror
from sealgrid.storage.web_mirror import WebMirror, WebTransport
from sealgrid.wire.http_transport import HttpTransport

S3 = "s3://bucket/models?region=eu-west-1"


async def open_transport(url: str) -> WebTransport:
    return HttpTransport(url)


@pytest.mark.parametrize(
    "url", [S3, "gs://bucket", "az://files?account_name=me", "https://ipfs.example:444/ipfs", "file:///models"]
)
async def test_a_mirror_of_each_kind_opens(url: str) -> None:
    check_mirror(url, from_elsewhere=True)
    (mirror,) = await open_mirrors([url], open_transport)
    assert isinstance(mirror, FolderMirror if url.startswith("file") else WebMirror)
    assert mirror.url == url


@pytest.mark.parametrize(
    "url", ["ftp://host/files", "https://", "files.example", "https://[x", "https://h:99999", "https://a b"]
)
def test_1_a_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(InputRefused, match="mirror"):
        check_mirror(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@files.example/ipfs",
        "https://hunter2@files.example/ipfs",
        "https://user:hunter2@files.example:port",
        "s3://user:hunter2@bucket",
        "s3://bucket?endpoint=https://user:hunter2@host",
        "s3://bucket?secret_access_key=hunter2",
        "https://files.example/ipfs?token=hunter2",
        "https://files.example/ipfs#hunter2",
        "ftp://user:hunter2@files.example",
    ],
)
async def test_1_2_a_url_with_a_secret_is_refused_and_the_secret_not_shown(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InputRefused) as refused:
        check_mirror(url)
    assert await open_mirrors([url], open_transport) == []
    assert "hunter2" not in refused.value.message + caplog.text


@pytest.mark.parametrize("url", ["http://files.example/ipfs", "s3://bucket?endpoint=http://files.example:9000"])
def test_3_a_network_file_from_elsewhere_names_no_mirror_without_https(url: str) -> None:
    check_mirror(url)
    with pytest.raises(InputRefused, match="must use https"):
        check_mirror(url, from_elsewhere=True)


@pytest.mark.parametrize("url", ["az://files", "s3://"])
async def test_4_a_mirror_that_does_not_open_is_refused_and_left_out_at_run_time(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InputRefused, match="cannot be opened"):
        check_mirror(url)
    opened = await open_mirrors([url, S3], open_transport)
    assert [mirror.url for mirror in opened] == [S3]
    assert "is left out" in caplog.text
