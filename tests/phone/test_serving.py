import gzip
import http.client
import os
import socket
import ssl
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from course_lib import cache
from course_lib.phone import lan, serving, web_files

SCRIPT = "export const leaves = 12; // " + "leaf " * 400
WASM = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder to serve, with a secret beside it and ways to it inside."""
    above = tmp_path_factory.mktemp("above")
    (above / "secret.txt").write_text("secret")
    folder = above / "page"
    (folder / "models").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "index.html").write_text("<p>leaves</p>")
    (folder / "app.js").write_text(SCRIPT)
    (folder / "ort.mjs").write_text(SCRIPT)
    (folder / "ort.wasm").write_bytes(WASM)
    (folder / "models.json").write_text("{}")
    (folder / "manifest.webmanifest").write_text("{}")
    (folder / "models" / "leaves after.plants").write_bytes(gzip.compress(b"leaf" * 1000))
    (folder / "icon.png").write_bytes(b"png")
    (folder / ".hidden").write_text("secret")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("secret")
    if os.name == "posix":
        (folder / "out.txt").symlink_to(above / "secret.txt")
        (folder / "up").symlink_to(above)
        (folder / "inside.js").symlink_to(folder / "app.js")
        (folder / "hidden.txt").symlink_to(folder / ".hidden")
        os.mkfifo(folder / "pipe")
    return folder


@pytest.fixture(scope="module")
def server(place):
    with serving.serve(place, port=0) as running:
        yield running


def ask(server, path="/", method="GET", body=None, **headers):
    """(status, headers, body) of a request whose path is sent as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.putrequest(method, path, skip_host="Host" in named, skip_accept_encoding=True)
        for name, value in named.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def raw(server, request):
    """What comes back for these very bytes, until the connection is closed."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


# What is given out


def test_the_page_and_its_files(server):
    for path in ("/", "/index.html", "/?model=x", "/index.html#top"):
        assert ask(server, path)[::2] == (200, b"<p>leaves</p>")
    assert ask(server, "/models/leaves%20after.plants")[0] == 200


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/ort.mjs", "text/javascript; charset=utf-8"),
        ("/ort.wasm", "application/wasm"),
        ("/models.json", "application/json"),
        ("/manifest.webmanifest", "application/manifest+json"),
        ("/models/leaves%20after.plants", "application/octet-stream"),
        ("/icon.png", "image/png"),
    ],
)
def test_each_kind_of_file_has_its_type(server, path, kind):
    assert ask(server, path)[1]["Content-Type"] == kind


def test_every_answer_carries_the_headers_of_safety(server):
    for path, headers in (("/", {}), ("/none", {}), ("/", {"Host": "evil.example"})):
        found = ask(server, path, **headers)[1]
        assert found["Content-Security-Policy"] == (
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
            "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; "
            "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'self'"
        )
        assert found["X-Content-Type-Options"] == "nosniff"
        assert found["Referrer-Policy"] == "no-referrer"
        assert found["Permissions-Policy"] == "camera=(self)"
        assert found["Cross-Origin-Resource-Policy"] == "same-origin"
        assert found["Cache-Control"] == "no-cache"
        assert "Python" not in str(found)


def test_notebooks_may_show_it_inside_of_theirs(place):
    with serving.serve(place, 0, frame_ancestors=serving.NOTEBOOKS) as server:
        policy = ask(server)[1]["Content-Security-Policy"]
    assert policy.endswith(
        "frame-ancestors 'self' http://localhost:* http://127.0.0.1:* vscode-webview:"
    )


def test_head_gives_the_same_headers_and_no_body(server):
    status, headers, body = ask(server, "/app.js", "HEAD")
    assert (status, body) == (200, b"")
    wanted = ask(server, "/app.js")[1]
    for name in ("Content-Length", "Content-Type", "ETag"):
        assert headers[name] == wanted[name]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"])
def test_other_methods_are_refused(server, method):
    status, headers, body = ask(server, "/", method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert body == b"405 Method Not Allowed: only GET and HEAD\n"


# What is not given out


ODD = [
    "/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/%2e%2e%2fsecret.txt",
    "/models/../../secret.txt", "/models/%2e%2e/%2e%2e/secret.txt", "/..\\secret.txt",
    "/..%5csecret.txt", "/%252e%252e/secret.txt", "/%c0%ae%c0%ae/secret.txt", "/./index.html",
    "/models/../index.html", "/out.txt", "/up/secret.txt", "/hidden.txt",
    "/.hidden", "/%2ehidden", "/.git/config", "/.git/", "/index.html%00", "/index.html%00.js",
    "/%00", "/models", "/models/", "/empty", "/empty/", "/index.html/", "/pipe", "/no/such/file",
    "/C:/secret.txt", "/index.html::$DATA", "/models//leaves%20after.plants", "/%0d%0aX-Odd:%201",
    "/" + "a" * 5000, "/" + "a/" * 2000, "/%ff", "/*", "/~root/", "/etc/passwd",
]  # fmt: skip


@pytest.mark.parametrize("path", ODD, ids=lambda path: path[:30])
def test_what_is_not_of_the_folder_is_not_found(server, path):
    status, headers, body = ask(server, path)
    assert (status, body) == (404, b"404 Not Found\n")
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["X-Odd"] is None


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_a_link_inside_of_the_folder_is_followed(server):
    assert ask(server, "/inside.js")[2].decode() == SCRIPT


@pytest.mark.parametrize("target", ["secret.txt", "*", "http://127.0.0.1/../secret.txt", ".."])
def test_targets_that_are_no_paths_are_refused(server, target):
    answer = raw(server, f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert answer.split(b" ")[1] in (b"400", b"404")
    assert b"secret" not in answer


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("/.%2efc5\\ upsecrtx0:~"), max_size=24))
@example("/up/secret.txt")
def test_no_path_leads_out(place, path):
    found = serving.located(place, "/" + path)
    assert found is None or found.is_relative_to(place)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "",
                                  "localhost@evil.example", "a/localhost", "[::1"])  # fmt: skip
def test_another_name_is_not_served(server, host):
    # A hostile page could have its own name lead to this machine, and read what is served here.
    status, _, body = ask(server, "/", Host=host)
    assert status == 421
    assert b"leaves" not in body
    assert f"http://127.0.0.1:{server.port}/".encode() in body


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:8765", "127.0.0.1:1"])
def test_our_own_names_are_served(server, host):
    assert ask(server, "/", Host=host)[0] == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01" * 20,
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 500 + b"\r\n", b"GET /" + b"x" * 70_000,
        b"GET / HTTP/1.1\r\nHost", b"\x00\xff\xfe" * 100, b"GET /\r\n\r\n",
    ],
)  # fmt: skip
def test_broken_requests_do_no_harm(server, request_, capfd):
    assert b"<p>leaves" not in raw(server, request_)
    assert ask(server)[0] == 200
    assert "Traceback" not in capfd.readouterr().err


def test_a_body_is_not_taken_for_the_next_request(server):
    smuggled = b"GET /app.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = f"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(smuggled)}\r\n\r\n".encode()
    assert raw(server, head + smuggled).count(b"HTTP/1.1 ") == 1


# On the way


def test_what_shrinks_is_compressed_where_the_browser_takes_it(server):
    plain = ask(server, "/app.js")
    small = ask(server, "/app.js", Accept_Encoding="deflate, gzip;q=0.8, br")
    assert plain[1]["Content-Encoding"] is None
    assert small[1]["Content-Encoding"] == "gzip"
    assert plain[1]["Vary"] == small[1]["Vary"] == "Accept-Encoding"
    assert gzip.decompress(small[2]) == plain[2] == SCRIPT.encode()
    assert len(small[2]) < len(plain[2]) / 5
    assert plain[1]["ETag"] != small[1]["ETag"]
    assert ask(server, "/ort.wasm", Accept_Encoding="gzip")[1]["Content-Encoding"] == "gzip"
    for refused in ("", "br", "gzip;q=0", "identity, gzip; q=0.0"):
        assert ask(server, "/app.js", Accept_Encoding=refused)[1]["Content-Encoding"] is None


def test_model_files_are_sent_as_they_are(server):
    # They are a gzip already, and the page itself unpacks them.
    _, headers, body = ask(server, "/models/leaves%20after.plants", Accept_Encoding="gzip")
    assert headers["Content-Encoding"] is None
    assert gzip.decompress(body) == b"leaf" * 1000


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_what_did_not_change_is_not_sent_again(server, encoding):
    tag = ask(server, "/app.js", Accept_Encoding=encoding)[1]["ETag"]
    for asked in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        status, headers, body = ask(
            server, "/app.js", Accept_Encoding=encoding, If_None_Match=asked
        )
        assert (status, body, headers["ETag"]) == (304, b"", tag)
        assert headers["Content-Security-Policy"]
    assert ask(server, "/app.js", If_None_Match='"other"')[0] == 200


def test_what_changed_is_sent_anew(tmp_path):
    (tmp_path / "app.js").write_text("one")
    with serving.serve(tmp_path, 0) as server:
        _, headers, _ = ask(server, "/app.js")
        (tmp_path / "app.js").write_text("another")
        assert ask(server, "/app.js", If_None_Match=headers["ETag"])[::2] == (200, b"another")
        (tmp_path / "app.js").unlink()
        assert ask(server, "/app.js")[0] == 404


def test_one_connection_serves_many_files(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for path, status in (("/", 200), ("/none", 404), ("/app.js", 200), ("/ort.wasm", 200)):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.will_close) == (status, False)
    connection.close()


def test_large_files_are_compressed_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    content = bytes(web_files.SLOW) + b"end"
    small = web_files.zipped(content)
    assert gzip.decompress(small) == content
    (kept,) = tmp_path.glob("page-zipped-*")
    real, calls = gzip.compress, []
    monkeypatch.setattr(gzip, "compress", lambda *a, **k: calls.append(1) or real(*a, **k))
    assert web_files.zipped(content) == small
    assert calls == []
    kept.write_bytes(small[:-9])  # damaged: made again
    assert web_files.zipped(content) == small
    assert calls == [1]
    monkeypatch.setattr(cache, "writable_dir", lambda: None)
    kept.unlink()
    assert web_files.zipped(content) == small


def test_many_phones_at_once(server):
    statuses = []

    def phone():
        statuses.append(ask(server, "/ort.wasm", Accept_Encoding="gzip")[0])

    threads = [threading.Thread(target=phone) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 40


def test_a_silent_connection_keeps_nobody_waiting(server):
    with socket.create_connection(("127.0.0.1", server.port)):
        assert ask(server)[0] == 200  # else it would raise TimeoutError


# The server


def test_it_listens_on_this_machine_alone(server):
    assert server._web.server_address[0] == "127.0.0.1"
    assert server.address == f"http://127.0.0.1:{server.port}/"
    assert server.addresses == ()


def test_stopping_frees_the_port_and_may_be_done_twice(place):
    server = serving.serve(place, port=0)
    port = server.port
    server.stop()
    server.stop()
    with pytest.raises(OSError, match=r"."):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    with serving.serve(place, port=port) as again:
        assert again.port == port


def test_without_a_port_a_free_one_is_found(place, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(serving, "PORT", port)
        with serving.serve(place) as server:
            assert server.port != port
        with pytest.raises(ValueError, match=rf"port {port} cannot be used .*: leave it out"):
            serving.serve(place, port=port)
    monkeypatch.setattr(serving, "PORT", port)
    with serving.serve(place) as server:
        assert server.port == port


@pytest.mark.parametrize("port", [-1, 65536])
def test_odd_ports_are_named(place, port):
    with pytest.raises(ValueError, match=f"65535, got {port}"):
        serving.serve(place, port=port)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(NotADirectoryError, match=r"none is no folder; app.build"):
        serving.serve(tmp_path / "none")


@pytest.mark.skipif(os.name != "posix", reason="sends the signal of Ctrl-C")
def test_the_command_line_waits_for_ctrl_c(place):
    code = (
        f"from course_lib.phone import serving; server = serving.serve({str(place)!r}, 0); "
        "print(server.address, flush=True); server.wait(); print('stopped')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        address = process.stdout.readline().strip()
        assert urllib.request.urlopen(address).read() == b"<p>leaves</p>"
        process.send_signal(2)
        assert process.stdout.read() == "stopped\n"
        assert process.wait(20) == 0


# The local network


@pytest.fixture
def network(monkeypatch):
    """As if this machine had the address 127.0.0.2 in a network, and no other."""
    pytest.importorskip("trustme")
    monkeypatch.setattr(serving, "lan_addresses", lambda: ("127.0.0.2",))


def secure(server, host="127.0.0.1"):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(host, server.port, context=context, timeout=10)


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is there on Linux alone")
def test_the_network_is_served_by_https(place, network, capfd):
    with serving.serve(place, 0, lan=True) as server:
        assert server.address == f"https://127.0.0.1:{server.port}/"
        assert server.addresses == (f"https://127.0.0.2:{server.port}/",)
        connection = secure(server, "127.0.0.2")
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"<p>leaves</p>"
        der = connection.sock.getpeercert(binary_form=True)
        connection.close()
        digest = lan.hashlib.sha256(der).hexdigest().upper()
        assert server.certificate.fingerprint == ":".join(lan._pairs(digest))
        # "http://" typed by hand is led to the secure address.
        status, headers, _ = ask(server)
        assert (status, headers["Location"]) == (301, server.address)
        # A phone that refuses the certificate, or says nothing, is no error.
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(server.address, timeout=5).read()
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is there on Linux alone")
def test_the_certificate_is_for_the_addresses_and_valid_for_weeks(network):
    cryptography = pytest.importorskip("cryptography.x509")
    made = lan.certificate(["192.168.0.7"])
    assert {"192.168.0.7", "localhost", "127.0.0.1"} <= set(made.names)
    server, client = socket.socketpair()
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    thread = threading.Thread(target=lambda: made.context.wrap_socket(server, server_side=True))
    thread.start()
    with unchecked.wrap_socket(client) as connection:
        der = connection.getpeercert(binary_form=True)
    thread.join()
    found = cryptography.load_der_x509_certificate(der)
    names = found.extensions.get_extension_for_class(cryptography.SubjectAlternativeName).value
    assert "192.168.0.7" in map(str, names.get_values_for_type(cryptography.IPAddress))
    assert (found.not_valid_after_utc - found.not_valid_before_utc).days <= lan.DAYS + 1
    assert made.fingerprint != lan.certificate(["192.168.0.7"]).fingerprint  # each run its own


def test_without_a_network_the_remedy_is_named(place, monkeypatch):
    monkeypatch.setattr(serving, "lan_addresses", lambda: ())
    with pytest.raises(ValueError, match="in no local network: connect it"):
        serving.serve(place, lan=True)


def test_without_the_library_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(ImportError, match=r"trustme is missing: .*pip install -e .*app"):
        lan.certificate(["192.168.0.7"])


def test_the_way_out_comes_first_and_inner_networks_last(monkeypatch):
    import psutil

    def interface(address):
        return [type("A", (), {"family": socket.AF_INET, "address": address})]

    found = {"lo": "127.0.0.1", "docker0": "172.17.0.1", "eth1": "10.0.0.5", "wlan0": "192.168.0.7",
             "down0": "192.168.9.9", "odd0": "169.254.1.1"}  # fmt: skip
    monkeypatch.setattr(
        psutil, "net_if_addrs", lambda: {name: interface(at) for name, at in found.items()}
    )
    monkeypatch.setattr(
        psutil,
        "net_if_stats",
        lambda: {name: type("S", (), {"isup": name != "down0"}) for name in found},
    )
    monkeypatch.setattr(lan, "_way_out", lambda: "192.168.0.7")
    assert lan.lan_addresses() == ("192.168.0.7", "10.0.0.5", "172.17.0.1")


# Codes to scan


def test_a_code_holds_the_address():
    pytest.importorskip("segno")
    address = "https://192.168.0.7:8765/"
    drawing = lan.svg(address)
    assert drawing.startswith("<svg")
    assert address in drawing  # its title, for who cannot see it
    assert len(lan.terminal(address).splitlines()) > 10


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:8765/", "http://localhost/", "https://LOCALHOST:1/x", "http://[::1]:8765/",
     "http://127.1.2.3/", "http://0.0.0.0:80/", "http://[::]/", "http://page.localhost/",
     "http://localhost./", "http://[::ffff:127.0.0.1]/", "not an address"],
)  # fmt: skip
def test_no_code_leads_a_phone_to_itself(address):
    for code in (lan.svg, lan.terminal):
        with pytest.raises(ValueError, match="leads a phone to itself"):
            code(address)
