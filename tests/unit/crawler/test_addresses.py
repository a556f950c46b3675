from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.addresses import check_addresses, check_url, why_refused
from domain.errors import AddressRefused

REFUSED = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "93.184.216.34",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]
PRIVATE_NETWORKS = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
    )
]


@pytest.mark.parametrize("address", REFUSED)
def test_not_public(address: str) -> None:
    assert why_refused(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert why_refused(ip_address(address)) is None


def test_loopback_only_where_allowed_and_nothing_else_with_it() -> None:
    allowed = {address for address in REFUSED if why_refused(ip_address(address), allow_loopback=True) is None}
    assert allowed == {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"}


@given(st.sampled_from(PRIVATE_NETWORKS).flatmap(lambda network: st.ip_addresses(network=network)))
def test_an_inner_address_is_refused_in_every_disguise(inner: IPv4Address) -> None:
    number = int(inner)
    disguises = [
        inner,
        IPv6Address(number),
        IPv6Address((0xFFFF << 32) | number),
        IPv6Address((0x64FF9B << 96) | number),
        IPv6Address((0x2002 << 112) | (number << 80)),
        IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF)),
    ]
    assert all(why_refused(disguise) for disguise in disguises)


@given(st.ip_addresses())
def test_what_is_permitted_is_global_unicast(address: IPv4Address | IPv6Address) -> None:
    if why_refused(address) is None:
        inner = address.ipv4_mapped if isinstance(address, IPv6Address) and address.ipv4_mapped else address
        assert inner.is_global
        assert not inner.is_multicast
        assert not inner.is_private


def test_one_inner_address_among_public_ones_refuses_the_name() -> None:
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
        check_addresses("http://shop.example/", [ip_address("8.8.8.8"), ip_address("10.0.0.1")])


@pytest.mark.parametrize(
    "url",
    [
        "ftp://shop.example/",
        "file:///etc/passwd",
        "gopher://shop.example/",
        "//shop.example/",
        "shop.example",
        "http://",
        "http:///path",
        "http://user@shop.example/",
        "http://user:word@shop.example/",
        "http://shop.example:22/",
        "http://shop.example:25/",
        "http://shop.example:6379/",
        "http://shop.example:99999/",
        "http://shop.example:x/",
        "http://[::1/",
        "http://[::1]/",
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://127.0.0.1./",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://shop.localhost/",
        "http://shop.example\\@127.0.0.1/",
        "http://shop.example/a b",
        "http://shop.example/\r\nHost: other",
        "http://shop.example/" + "a" * 5000,
        "",
    ],
)
def test_urls_refused_by_their_text(url: str) -> None:
    with pytest.raises(AddressRefused) as refusal:
        check_url(url)
    assert refusal.value.reason


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example",
        "HTTPS://shop.example/a?b=c#d",
        "http://shop.example:8080/",
        "https://8.8.8.8/",
        "http://shop.example:443/",
    ],
)
def test_urls_permitted(url: str) -> None:
    assert check_url(url).hostname


def test_loopback_urls_where_allowed() -> None:
    for url in ("http://127.0.0.1:45678/", "http://localhost:45678/", "http://[::1]:45678/"):
        assert check_url(url, allow_loopback=True).port == 45678
    with pytest.raises(AddressRefused):
        check_url("http://10.0.0.1/", allow_loopback=True)
    with pytest.raises(AddressRefused):
        check_url("http://2130706433/", allow_loopback=True)


@given(st.text(max_size=80) | st.from_regex(r"https?://[^/]{0,40}/.{0,20}"))
def test_any_text_is_split_or_refused(text: str) -> None:
    try:
        parts = check_url(text)
    except AddressRefused:
        return
    assert parts.scheme in ("http", "https")
    assert parts.hostname
