//! What an attacker writes into an address, and what an operator writes into the lists.

use super::*;

async fn judge(url: &str, allow_hosts: &[&str], allow_private: &[&str]) -> Result<Vec<SocketAddr>, String> {
    let owned = |texts: &[&str]| -> Vec<String> { texts.iter().map(|text| (*text).to_owned()).collect() };
    let (allow_hosts, allow_private) = (owned(allow_hosts), owned(allow_private));
    let guard = Guard { allow_hosts: &allow_hosts, allow_private: &allow_private };
    let admitted = guard.admit(&Url::parse(url).unwrap()).await;
    admitted.map(|admitted| admitted.addresses).map_err(|refused| refused.to_string())
}

/// On the list by name, and still refused for where it leads.
async fn leads_to(url: &str) -> String {
    let parsed = Url::parse(url).unwrap();
    let entry = format!("http://{}", parsed.host_str().unwrap());
    judge(url, &[&entry], &[]).await.unwrap_err()
}

#[tokio::test]
async fn private_addresses_in_every_disguise() {
    for (url, address) in [
        ("http://127.0.0.1/", "127.0.0.1:80"),
        ("http://2130706433/", "127.0.0.1:80"),
        ("http://0x7f.1/", "127.0.0.1:80"),
        ("http://017700000001/", "127.0.0.1:80"),
        ("http://127.1:8080/", "127.0.0.1:8080"),
        ("http://0.0.0.0/", "0.0.0.0:80"),
        ("http://10.1.2.3/", "10.1.2.3:80"),
        ("http://172.31.0.1/", "172.31.0.1:80"),
        ("http://192.168.0.1/", "192.168.0.1:80"),
        ("http://100.64.0.1/", "100.64.0.1:80"),
        ("http://169.254.1.1/", "169.254.1.1:80"),
        ("http://198.18.0.1/", "198.18.0.1:80"),
        ("http://224.0.0.1/", "224.0.0.1:80"),
        ("http://255.255.255.255/", "255.255.255.255:80"),
        ("http://[::1]/", "[::1]:80"),
        ("http://[::]/", "[::]:80"),
        ("http://[::ffff:127.0.0.1]/", "[::ffff:127.0.0.1]:80"),
        ("http://[::ffff:0a00:1]/", "[::ffff:10.0.0.1]:80"),
        ("http://[64:ff9b::7f00:1]/", "[64:ff9b::7f00:1]:80"),
        ("http://[::127.0.0.1]/", "[::7f00:1]:80"),
        ("http://[2002:7f00:1::]/", "[2002:7f00:1::]:80"),
        ("http://[64:ff9b:1::7f00:1]/", "[64:ff9b:1::7f00:1]:80"),
        ("http://[fe80::1]/", "[fe80::1]:80"),
        ("http://[fc00::1]/", "[fc00::1]:80"),
        ("http://[fd12::1]/", "[fd12::1]:80"),
        ("http://[ff02::1]/", "[ff02::1]:80"),
        ("http://[2001:db8::1]/", "[2001:db8::1]:80"),
    ] {
        let said = leads_to(url).await;
        assert!(said.contains(&format!(" is {address}, a private address")), "{url}: {said}");
    }
    let named = leads_to("http://localhost:81/").await;
    assert!(named.contains("localhost is ") && named.contains("a private address"), "{named}");
}

#[tokio::test]
async fn metadata_services_are_never_called() {
    for url in [
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[fd00:ec2::254]/",
        "http://[::169.254.169.254]/",
        "http://[2002:a9fe:a9fe::1]/",
        "http://[64:ff9b:1::a9fe:a9fe]/",
        "http://169.254.170.2/",
        "http://169.254.170.23/",
        "http://168.63.129.16/",
        "http://100.100.100.200/",
    ] {
        let entry = format!("http://{}", Url::parse(url).unwrap().host_str().unwrap());
        let said = judge(url, &[&entry], &["0.0.0.0/0", "::/0", "169.254.169.254"]).await.unwrap_err();
        assert!(said.ends_with("which hands out the credentials of this machine; it is never called"), "{url}: {said}");
    }
}

#[tokio::test]
async fn the_host_has_to_be_on_the_list() {
    for (url, entry, admitted) in [
        ("https://8.8.8.8/", "8.8.8.8", true),
        ("https://8.8.8.8/", "8.8.8.8:443", true),
        ("https://8.8.8.8:8443/", "8.8.8.8:443", false),
        ("https://8.8.8.8:8443/", "8.8.8.8", true),
        ("http://8.8.8.8/", "8.8.8.8", false),
        ("http://8.8.8.8/", "http://8.8.8.8", true),
        ("http://8.8.8.8/", "https://8.8.8.8", false),
        ("https://8.8.8.8/", "*.8.8.8", true),
        ("https://8.8.8.8/", "*", false),
        ("https://8.8.8.8/", "*.8", false),
        ("https://8.8.8.8/", "", false),
        ("https://[2606:4700::1111]/", "[2606:4700::1111]", true),
        ("https://[2606:4700::1111]:8443/", "[2606:4700::1111]:443", false),
    ] {
        assert_eq!(judge(url, &[entry], &[]).await.is_ok(), admitted, "{url} by {entry:?}");
    }
}

#[test]
fn names_of_the_list() {
    for (entry, host, expect) in [
        ("ops.example.com", "ops.example.com", true),
        ("OPS.example.com", "ops.Example.com", true),
        ("ops.example.com", "evil-ops.example.com", false),
        ("ops.example.com", "ops.example.com.evil.org", false),
        ("*.example.com", "a.example.com", true),
        ("*.example.com", "a.b.example.com", true),
        ("*.example.com", "example.com", false),
        ("*.example.com", ".example.com", false),
        ("*.example.com", "evilexample.com", false),
        ("*.com", "example.com", false),
    ] {
        assert_eq!(holds(entry, host, 443), expect, "{entry} {host}");
    }
}

#[tokio::test]
async fn private_addresses_that_are_allowed() {
    for (entry, admitted) in [
        ("127.0.0.1:8080", true),
        ("127.0.0.1", true),
        ("127.0.0.0/8", true),
        ("127.0.0.1:8081", false),
        ("10.0.0.0/8", false),
        ("127.0.0.0/33", false),
        ("::ffff:127.0.0.1", true),
        ("", false),
    ] {
        let judged = judge("http://127.0.0.1:8080/", &["http://127.0.0.1"], &[entry]).await;
        assert_eq!(judged.is_ok(), admitted, "{entry:?}: {judged:?}");
    }
    let refused = judge("http://127.0.0.1:8080/", &["http://127.0.0.1"], &[]).await.unwrap_err();
    let remedy = "127.0.0.1 is 127.0.0.1:8080, a private address: add \"127.0.0.1:8080\" to allow_private under [http] in \
                  catops.toml if it should be called";
    assert_eq!(refused, remedy);
}

#[tokio::test]
async fn a_name_that_nobody_knows() {
    let said = judge("https://no-such-host.invalid/", &["no-such-host.invalid"], &[]).await.unwrap_err();
    assert_eq!(said, "the name no-such-host.invalid has no address");
}
