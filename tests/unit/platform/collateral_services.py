"""The paths, headers and forms of Intel's and AMD's services, with the content of a test."""

import http.server
import json
import threading
from contextlib import contextmanager
from urllib.parse import parse_qs, quote, urlparse

from sealgrid.errors import ServiceUnavailable
from sealgrid.wire.collateral import FetchReply


class Service:
    """Answers from a table of paths; ``down`` answers nothing; ``requests`` records."""

    def __init__(self, answers):
        self.answers, self.down, self.requests = answers, False, []

    async def __call__(self, path):
        self.requests.append(path)
        if self.down:
            raise ServiceUnavailable("the service does not answer.")
        place = urlparse(path)
        answer = self.answers.get(place.path)
        if answer is None:
            raise ServiceUnavailable(f"404 for {place.path}")
        return answer(parse_qs(place.query)) if callable(answer) else answer


def intel_answers(collateral, tee, *, hexadecimal=False):
    """What Intel's service, or with ``hexadecimal`` its cache, answers about one family."""
    parts = json.loads(collateral.raw)

    def der(text):
        return text.encode() if hexadecimal else bytes.fromhex(text)

    def signed(name, key):
        return f'{{"{name}":{parts[key]},"signature":"{parts[key + "_signature"]}"}}'.encode()

    return {
        "/sgx/certification/v4/pckcrl": FetchReply(
            der(parts["pck_crl"]), {"sgx-pck-crl-issuer-chain": quote(parts["pck_crl_issuer_chain"])}
        ),
        "/sgx/certification/v4/rootcacrl": FetchReply(der(parts["root_ca_crl"]), {}),
        f"/{tee}/certification/v4/tcb": FetchReply(
            signed("tcbInfo", "tcb_info"), {"tcb-info-issuer-chain": quote(parts["tcb_info_issuer_chain"])}
        ),
        f"/{tee}/certification/v4/qe/identity": FetchReply(
            signed("enclaveIdentity", "qe_identity"),
            {"sgx-enclave-identity-issuer-chain": quote(parts["qe_identity_issuer_chain"])},
        ),
    }


def amd_answers(parts, product, kind, chip, pem):
    """What AMD's service answers about one chip; ``pem`` turns DER certificates into one text."""
    return {
        f"/vcek/v1/{product}/{chip.hex()}": FetchReply(parts.leaf, {}),
        f"/{kind}/v1/{product}/cert_chain": FetchReply(pem(parts.intermediate, parts.root), {}),
        f"/{kind}/v1/{product}/crl": FetchReply(parts.revocation_list, {}),
    }


@contextmanager
def served(answers):
    """A real HTTP server on this machine."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            answer = answers.get(urlparse(self.path).path)
            self.send_response(404 if answer is None else 200)
            for name, value in answer.headers.items() if answer else ():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body if answer else b"")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
