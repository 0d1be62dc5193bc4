//! Clients for receivers whose address stands in the configuration: outgoing webhooks, page webhooks, the heartbeat. Each
//! reaches one host, at addresses that were judged by the guard when they were looked up, and nothing else: no redirect, no
//! proxy. A client is kept, so that a receiver that is told often keeps its connection.

use super::guard::{Private, Refused, resolve, written};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url};
use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// From the name server to the end of the answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Clients that are kept; more receivers than that make theirs anew now and then.
const CLIENTS_MAX: usize = 64;

/// Host and port, what they may lead to, and where that is configured.
type Key = (String, u16, Vec<String>, &'static str);

/// The clients of this process.
#[derive(Default)]
pub struct Reach {
    clients: Mutex<HashMap<Key, Client>>,
}

/// Why a receiver is not called. Says no address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreachable {
    /// It cannot be read.
    #[error("its address cannot be read")]
    NoAddress,
    /// The guard refuses it.
    #[error("{}", .0.without_address())]
    Refused(Refused),
    /// The TLS stack cannot be set up.
    #[error("no client could be made")]
    Client(#[source] reqwest::Error),
}

impl Reach {
    /// A client for this address, and the address.
    ///
    /// # Errors
    /// [`Unreachable`]. A name is looked up only when the client is used: then see [`why`].
    pub(crate) fn client(&self, url: &str, private: Private<'_>) -> Result<(Client, Url), Unreachable> {
        let url = Url::parse(url).map_err(|_| Unreachable::NoAddress)?;
        let host = url.host_str().ok_or(Unreachable::NoAddress)?.to_owned();
        let port = url.port_or_known_default().ok_or(Unreachable::NoAddress)?;
        written(&url, private).transpose().map_err(Unreachable::Refused)?;
        let key = (host, port, private.allowed.to_vec(), private.section);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok((client.clone(), url));
        }
        let judge = Judge { port, allowed: private.allowed.to_vec(), section: private.section };
        let client = client(judge).map_err(Unreachable::Client)?;
        if clients.len() >= CLIENTS_MAX {
            clients.clear();
        }
        clients.insert(key, client.clone());
        Ok((client, url))
    }
}

fn client(judge: Judge) -> Result<Client, reqwest::Error> {
    Client::builder()
        .user_agent(concat!("catops/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .dns_resolver(Arc::new(judge))
        .timeout(TIMEOUT)
        .build()
}

/// Why a receiver was not reached, without its address.
pub(crate) fn why(error: reqwest::Error) -> String {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(this) = cause {
        if let Some(refused) = this.downcast_ref::<Refused>() {
            return refused.without_address();
        }
        cause = this.source();
    }
    error.without_url().to_string()
}

/// Looks a name up and judges where it leads, once for each connection: it is made to what was judged.
struct Judge {
    port: u16,
    allowed: Vec<String>,
    section: &'static str,
}

impl Resolve for Judge {
    fn resolve(&self, name: Name) -> Resolving {
        let (port, allowed, section) = (self.port, self.allowed.clone(), self.section);
        Box::pin(async move {
            let found = resolve(name.as_str(), port).await?;
            let addresses = super::guard::judged(found, name.as_str(), Private::of(section, &allowed))?;
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address.ip(), 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Private, Reach, why};
    use std::time::Duration;

    /// What comes of calling an address: nothing answers there, so a permitted one fails to connect.
    async fn told(url: &str, allowed: &[&str]) -> String {
        let allowed: Vec<String> = allowed.iter().map(|entry| (*entry).to_owned()).collect();
        match Reach::default().client(url, Private::of("[watchdog]", &allowed)) {
            Err(error) => error.to_string(),
            Ok((client, url)) => {
                why(client.get(url).timeout(Duration::from_secs(5)).send().await.expect_err("nothing listens there"))
            }
        }
    }

    #[tokio::test]
    async fn where_a_receiver_leads_is_judged() {
        let private = "it leads to a private address; list that in allow_private under [watchdog] in catops.toml";
        let metadata = "it leads to where a cloud hands out this machine's credentials, and is never called";
        for url in ["http://127.0.0.1:1/secret", "http://[::ffff:10.0.0.1]/", "http://0x7f.1:1/", "http://localhost:1/"]
        {
            assert_eq!(told(url, &["192.168.0.0/16", "127.0.0.1:2"]).await, private, "{url}");
        }
        for url in ["http://169.254.169.254/latest", "http://[fd00:ec2::254]/"] {
            assert_eq!(told(url, &["169.254.0.0/16", "fd00::/8"]).await, metadata, "{url}");
        }
        assert_eq!(told("nowhere", &[]).await, "its address cannot be read");
        for url in ["http://127.0.0.1:1/secret", "http://localhost:1/secret"] {
            let tried = told(url, &["127.0.0.1:1", "::1"]).await;
            assert!(tried.contains("error sending request") && !tried.contains("secret"), "{url}: {tried}");
        }
    }

    #[test]
    fn a_client_is_kept_for_its_host_port_and_list() {
        let reach = Reach::default();
        let list = ["127.0.0.1".to_owned()];
        for (url, kept) in [("http://127.0.0.1:1/a", 1), ("http://127.0.0.1:1/b", 1), ("http://127.0.0.1:2/a", 2)] {
            reach.client(url, Private::of("[http]", &list)).expect("it is on the list");
            assert_eq!(reach.clients.lock().unwrap().len(), kept, "{url}");
        }
    }
}
