//! The little web service that the demo breaks: real HTTP on loopback, watched by our own uptime check, repaired by our
//! own action. It has a fault on purpose: after a while its connection pool is exhausted, and only a restart helps.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The shop. Whether it is broken is a file, so that it is still broken after the demo was killed and started again.
pub struct Shop {
    fault: PathBuf,
    restarts: AtomicU32,
}

impl Shop {
    /// A shop that remembers its fault in a folder.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self { fault: data.join("shop-is-broken"), restarts: AtomicU32::new(0) }
    }

    /// Exhausts the pool: `/health` answers 503 until somebody restarts the shop.
    pub fn break_it(&self) {
        if let Err(error) = std::fs::write(&self.fault, "50 of 50 connections in use\n") {
            tracing::error!(error = %error, "the demo's shop cannot be broken");
        }
    }

    /// True while `/health` answers 503.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.fault.exists()
    }

    fn restart(&self) {
        match std::fs::remove_file(&self.fault) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => tracing::error!(error = %error, "the demo's shop cannot be repaired"),
        }
        self.restarts.fetch_add(1, Ordering::SeqCst);
    }

    /// How often it was restarted.
    #[must_use]
    pub fn restarts(&self) -> u32 {
        self.restarts.load(Ordering::SeqCst)
    }
}

/// Serves the shop on a free loopback port.
///
/// # Errors
/// No port can be had.
pub async fn serve(shop: Arc<Shop>) -> std::io::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/health", get(health))
        .route("/admin/restart", post(restart))
        .route("/admin/cache/clear", post(clear_cache))
        .route("/admin/break", post(break_shop))
        .with_state(shop);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn health(State(shop): State<Arc<Shop>>) -> (StatusCode, &'static str) {
    if shop.is_broken() {
        (StatusCode::SERVICE_UNAVAILABLE, "connection pool exhausted: 50 of 50 in use")
    } else {
        (StatusCode::OK, "ok")
    }
}

async fn restart(State(shop): State<Arc<Shop>>) -> &'static str {
    shop.restart();
    "restarted: 0 of 50 connections in use"
}

/// A plausible action that does not cure this fault: the card learns that, too.
async fn clear_cache() -> &'static str {
    "cache cleared: 1,204 entries dropped"
}

async fn break_shop(State(shop): State<Arc<Shop>>) -> &'static str {
    shop.break_it();
    "broken"
}
