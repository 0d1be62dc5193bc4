//! Which hosts and addresses may be called. A name is resolved once, every address is judged, and the call goes to
//! exactly these addresses: a second answer of the name server changes nothing.
//!
//! Ranges: the IANA special-purpose registries (RFC 6890 and its successors). Metadata services: the documented
//! addresses of AWS (EC2, ECS, EKS), Google Cloud, Azure, Oracle and Alibaba.

use reqwest::Url;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// Whom actions may call, as configured.
#[derive(Debug, Clone, Copy)]
pub struct Guard<'a> {
    /// `ops.example.com`, `*.example.com`, `http://10.0.0.5`; with `:port` only that port.
    pub allow_hosts: &'a [String],
    /// `127.0.0.1:8080`, `10.0.0.5`, `10.1.0.0/16`.
    pub allow_private: &'a [String],
}

/// A host that may be called at these addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// As it stands in the address.
    pub host: String,
    /// Never empty.
    pub addresses: Vec<SocketAddr>,
}

/// Why an address is not called.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Not an address with a host.
    #[error("the address has no host")]
    NoHost,
    /// Not on the list.
    #[error("{host} is not called: add it to allow_hosts under [http] in catops.toml if it should be")]
    NotAllowed {
        /// The host.
        host: String,
    },
    /// On the list, but for https only.
    #[error(
        "{host} is called over https only: write \"http://{host}\" in allow_hosts under [http] in catops.toml to allow http"
    )]
    NotEncrypted {
        /// The host.
        host: String,
    },
    /// The name server does not know it.
    #[error("the name {host} has no address")]
    Unresolved {
        /// The host.
        host: String,
        /// What the resolver said.
        #[source]
        source: std::io::Error,
    },
    /// In a private network.
    #[error(
        "{host} is {address}, a private address: add \"{address}\" to allow_private under {section} in catops.toml if it should be called"
    )]
    Private {
        /// The host.
        host: String,
        /// Where it leads.
        address: SocketAddr,
        /// The part of catops.toml that says what may be reached.
        section: &'static str,
    },
    /// Where a cloud hands out credentials.
    #[error("{host} is {address}, which hands out the credentials of this machine; it is never called")]
    Metadata {
        /// The host.
        host: String,
        /// Where it leads.
        address: SocketAddr,
    },
}

impl Refused {
    /// The same without host and address, for what is kept and shown: where a webhook leads may be a secret.
    pub(crate) fn without_address(&self) -> String {
        match self {
            Self::NoHost => "its address has no host".to_owned(),
            Self::NotAllowed { .. } => "its host is not on the list".to_owned(),
            Self::NotEncrypted { .. } => "its host is called over https only".to_owned(),
            Self::Unresolved { .. } => "its name has no address".to_owned(),
            Self::Private { section, .. } => {
                format!("it leads to a private address; list that in allow_private under {section} in catops.toml")
            }
            Self::Metadata { .. } => {
                "it leads to where a cloud hands out this machine's credentials, and is never called".to_owned()
            }
        }
    }
}

impl Guard<'_> {
    /// Judges an address and resolves its host.
    ///
    /// # Errors
    /// [`Refused`], also when only one of several addresses is private: such a name is not to be trusted.
    pub async fn admit(&self, url: &Url) -> Result<Admitted, Refused> {
        let host = url.host_str().ok_or(Refused::NoHost)?.to_owned();
        let port = url.port_or_known_default().ok_or(Refused::NoHost)?;
        let allowed: Vec<&str> =
            self.allow_hosts.iter().map(|entry| entry.trim()).filter(|entry| holds(entry, &host, port)).collect();
        if allowed.is_empty() {
            return Err(Refused::NotAllowed { host });
        }
        if url.scheme() != "https" && !allowed.iter().any(|entry| entry.starts_with("http://")) {
            return Err(Refused::NotEncrypted { host });
        }
        let addresses = judged(resolve(&host, port).await?, &host, Private::of("[http]", self.allow_private))?;
        Ok(Admitted { host, addresses })
    }
}

/// Which private addresses may be called, and where that is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Private<'a> {
    /// The part of catops.toml.
    pub(crate) section: &'static str,
    /// `127.0.0.1:8080`, `10.0.0.5`, `10.1.0.0/16`.
    pub(crate) allowed: &'a [String],
}

impl<'a> Private<'a> {
    pub(crate) const fn of(section: &'static str, allowed: &'a [String]) -> Self {
        Self { section, allowed }
    }
}

/// The addresses, when each of them is public or on the list.
pub(super) fn judged(addresses: Vec<SocketAddr>, host: &str, private: Private<'_>) -> Result<Vec<SocketAddr>, Refused> {
    let is_refused = |address: &&SocketAddr| {
        !is_public(address.ip()) && !private.allowed.iter().any(|entry| covers(entry.trim(), **address))
    };
    match addresses.iter().find(is_refused) {
        Some(address) => Err(Refused::Private { host: host.to_owned(), address: *address, section: private.section }),
        None => Ok(addresses),
    }
}

/// Where an address leads when it is written in numbers, and why it would not be called. `None`: a name server says where.
pub(crate) fn written(url: &Url, private: Private<'_>) -> Option<Result<(), Refused>> {
    let host = url.host_str()?;
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok()?;
    let address = SocketAddr::new(ip, url.port_or_known_default()?);
    if is_metadata(ip) {
        return Some(Err(Refused::Metadata { host: host.to_owned(), address }));
    }
    Some(judged(vec![address], host, private).map(drop))
}

/// The addresses of a host that may be connected to, each of them judged.
///
/// # Errors
/// [`Refused`].
pub(crate) async fn judged_name(host: &str, port: u16, private: Private<'_>) -> Result<Vec<SocketAddr>, Refused> {
    judged(resolve(host, port).await?, host, private)
}

/// The addresses of a host, none of them a metadata service.
///
/// # Errors
/// [`Refused::Unresolved`] or [`Refused::Metadata`].
pub(crate) async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, Refused> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<SocketAddr> = match bare.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => {
            let found = tokio::net::lookup_host((bare, port)).await;
            found.map_err(|source| Refused::Unresolved { host: host.to_owned(), source })?.collect()
        }
    };
    if addresses.is_empty() {
        let source = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(Refused::Unresolved { host: host.to_owned(), source });
    }
    match addresses.iter().find(|address| is_metadata(address.ip())) {
        Some(address) => Err(Refused::Metadata { host: host.to_owned(), address: *address }),
        None => Ok(addresses),
    }
}

/// A client that reaches this host at these addresses and nothing else: no redirect, no proxy, no second look-up.
///
/// # Errors
/// The TLS stack cannot be set up.
pub(crate) fn pinned(admitted: &Admitted, connect_timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .user_agent(concat!("catops/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .resolve_to_addrs(&admitted.host, &admitted.addresses)
        .connect_timeout(connect_timeout)
        .tls_info(true)
        .build()
}

/// Does an entry of `allow_hosts` hold this host and port?
fn holds(entry: &str, host: &str, port: u16) -> bool {
    let entry = entry.strip_prefix("http://").or_else(|| entry.strip_prefix("https://")).unwrap_or(entry);
    let entry = entry.trim_end_matches('/').to_ascii_lowercase();
    let (name, wanted_port) = match entry.rsplit_once(':') {
        // The last colon of a bare `[::1]` belongs to the address.
        Some((name, digits)) if !digits.ends_with(']') => match digits.parse::<u16>() {
            Ok(wanted) => (name, Some(wanted)),
            Err(_) => return false,
        },
        _ => (entry.as_str(), None),
    };
    let host = host.to_ascii_lowercase();
    let same = match name.strip_prefix("*.") {
        // A wildcard over an address or over all names would be no list.
        Some(parent) if parent.contains('.') => {
            host.strip_suffix(parent).is_some_and(|sub| sub.len() > 1 && sub.ends_with('.'))
        }
        Some(_) => false,
        None => name == host,
    };
    same && wanted_port.is_none_or(|wanted| wanted == port)
}

/// Does an entry of `allow_private` cover this address?
fn covers(entry: &str, address: SocketAddr) -> bool {
    let ip = plain(address.ip());
    if let Ok(wanted) = entry.parse::<SocketAddr>() {
        return plain(wanted.ip()) == ip && wanted.port() == address.port();
    }
    if let Some((network, bits)) = entry.split_once('/') {
        let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
        return match (network, ip) {
            (IpAddr::V4(network), IpAddr::V4(ip)) if bits <= 32 => {
                (network.to_bits() ^ ip.to_bits()).leading_zeros() >= bits
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) if bits <= 128 => {
                (network.to_bits() ^ ip.to_bits()).leading_zeros() >= bits
            }
            _ => false,
        };
    }
    entry.parse::<IpAddr>().is_ok_and(|wanted| plain(wanted) == ip)
}

/// An IPv4 address that is dressed as IPv6 (mapped `::ffff:0:0/96`, NAT64 `64:ff9b::/96`) is judged as what it is.
fn plain(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
    }
}

/// True where a cloud hands out credentials of the machine, also where a translator or a tunnel would lead there.
fn is_metadata(ip: IpAddr) -> bool {
    let IpAddr::V6(v6) = ip else { return is_metadata_itself(ip) };
    let v4 = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    let within = match v6.segments() {
        // IPv4-compatible; NAT64 for local use (RFC 8215), with the address at the end; 6to4.
        [0, 0, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 1, _, _, _, high, low] | [0x2002, high, low, ..] => {
            v4(high, low)
        }
        _ => ip,
    };
    is_metadata_itself(within) || is_metadata_itself(ip)
}

fn is_metadata_itself(ip: IpAddr) -> bool {
    const V4: [Ipv4Addr; 6] = [
        // AWS EC2, Google Cloud, Azure and most others; ECS; EKS Pod Identity.
        Ipv4Addr::new(169, 254, 169, 254),
        Ipv4Addr::new(169, 254, 170, 2),
        Ipv4Addr::new(169, 254, 170, 23),
        // Azure, Oracle, Alibaba.
        Ipv4Addr::new(168, 63, 129, 16),
        Ipv4Addr::new(192, 0, 0, 192),
        Ipv4Addr::new(100, 100, 100, 200),
    ];
    // AWS EC2, EKS Pod Identity, Google Cloud.
    const V6: [Ipv6Addr; 3] = [
        Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
        Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
        Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    ];
    match plain(ip) {
        IpAddr::V4(v4) => V4.contains(&v4),
        IpAddr::V6(v6) => V6.contains(&v6),
    }
}

/// True for addresses of the public internet.
fn is_public(ip: IpAddr) -> bool {
    match plain(ip) {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => {
            let segments = v6.segments();
            // Global unicast is 2000::/3. Within it: IETF protocols and Teredo, documentation (two blocks), 6to4.
            let special = matches!(
                segments,
                [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..]
            );
            segments[0] & 0xe000 == 0x2000 && !special
        }
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    !matches!(
        v4.octets(),
        // This network, private, shared by carriers, loopback, link-local.
        [0 | 10 | 127, ..] | [100, 64..=127, ..] | [169, 254, ..] | [172, 16..=31, ..] | [192, 168, ..]
        // Protocol assignments, documentation, 6to4 relays, benchmarks.
        | [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _]
        // Multicast, reserved, broadcast.
        | [224..=255, ..]
    )
}

#[cfg(test)]
mod tests;
