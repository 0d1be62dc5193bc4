//! The little web service that the demo breaks: real HTTP on loopback, watched by our own uptime check, repaired by our
//! own action. It has a fault on purpose: after a while its connection pool is exhausted, and only a restart helps.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The shop.
#[derive(Default)]
pub struct Shop {
    broken: AtomicBool,
    restarts: AtomicU32,
}

impl Shop {
    /// Exhausts the pool: `/health` answers 503 until somebody restarts the shop.
    pub fn break_it(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    /// True while `/health` answers 503.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
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
    shop.broken.store(false, Ordering::SeqCst);
    shop.restarts.fetch_add(1, Ordering::SeqCst);
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
