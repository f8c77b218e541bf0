"""The file of authorities that is made of several."""

from __future__ import annotations

from pathlib import Path

import trustme

from checkwire.runner.node.authorities import JoinedAuthorities


def test_certificates_are_joined_as_they_are_now_and_keys_are_not(tmp_path: Path) -> None:
    one, two = tmp_path / "one.pem", tmp_path / "two.pem"
    authorities = [trustme.CA() for _ in range(3)]
    first, second, third = (authority.cert_pem.bytes().strip() for authority in authorities)
    key = authorities[0].private_key_pem.bytes()
    one.write_bytes(b"# with a key\n" + key + first)  # and no end of line
    joined = JoinedAuthorities(str(one), str(two))
    path = Path(joined.path)
    made = path.stat()
    assert made.st_mode & 0o777 == 0o644
    assert path.read_bytes() == first + b"\n"
    two.write_bytes(second + b"\r\n" + third)
    joined.refresh()
    assert path.read_bytes() == b"\n".join((first, second, third, b""))
    one.unlink()
    joined.refresh()
    assert path.read_bytes() == second + b"\n" + third + b"\n"
    assert path.stat().st_ino == made.st_ino  # which sandboxes have in them
    joined.close()
    assert not path.exists()
