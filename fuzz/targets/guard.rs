//! Addresses that actions may call, in every spelling of an address: what is admitted is on the list, encrypted unless said
//! otherwise, and neither private nor a metadata service, judged here by the standard library. Names are not resolved here:
//! a fuzzer asks no name server.
#![no_main]

use catops::action::guard::Guard;
use fuzz::Input;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// What is private and may be called all the same.
const PRIVATE: [&str; 4] = ["10.0.0.5", "10.1.0.0/16", "127.0.0.1:8080", "fd00:1::/32"];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let with_private = input.byte() & 1 == 1;
    let Ok(url) = input.text().parse::<reqwest::Url>() else { return };
    let host = url.host_str().unwrap_or_default().to_owned();
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let is_address = bare.parse::<IpAddr>().is_ok();
    let private: Vec<String> = if with_private { PRIVATE.map(str::to_owned).to_vec() } else { Vec::new() };
    for entry in [host.clone(), format!("http://{host}"), format!("*.{host}"), "*.example.com".to_owned()] {
        // A name on the list would be looked up.
        let allow_hosts = if is_address { vec![entry.clone()] } else { Vec::new() };
        let guard = Guard { allow_hosts: &allow_hosts, allow_private: &private };
        let admitted = pin!(guard.admit(&url)).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(admitted) = admitted else { panic!("an address is not looked up") };
        let Ok(admitted) = admitted else { continue };
        assert!(is_address && !entry.starts_with('*'), "{url} by {entry}");
        assert!(url.scheme() == "https" || entry.starts_with("http://"), "{url} by {entry}");
        assert_eq!(admitted.host, host);
        assert!(!admitted.addresses.is_empty());
        admitted.addresses.iter().for_each(|address| may_be_called(*address, with_private));
    }
});

fn may_be_called(address: SocketAddr, with_private: bool) {
    let reached = reached(address.ip());
    let metadata =
        [[169, 254, 169, 254], [169, 254, 170, 2], [168, 63, 129, 16], [100, 100, 100, 200]].map(Ipv4Addr::from);
    let metadata6: [Ipv6Addr; 2] =
        [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];
    let v6 = |address: IpAddr| matches!(address, IpAddr::V6(v6) if metadata6.contains(&v6));
    assert!(!matches!(reached, IpAddr::V4(v4) if metadata.contains(&v4)) && !v6(reached), "{address}");
    let listed = match reached {
        IpAddr::V4(v4) => {
            let octets = v4.octets();
            octets == [10, 0, 0, 5] || octets[..2] == [10, 1] || (octets == [127, 0, 0, 1] && address.port() == 8080)
        }
        IpAddr::V6(v6) => v6.segments()[..2] == [0xfd00, 1],
    };
    assert!(!is_private(reached) || (with_private && listed), "{address}");
}

/// Where a packet to this address may end: also behind a translator or a tunnel.
fn reached(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let v4 = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        _ => ip,
    }
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_unspecified()
                || v4.is_multicast()
                || shared
                || a == 0
                || a >= 240
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
        }
    }
}
