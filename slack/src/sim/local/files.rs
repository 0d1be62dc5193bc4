//! Files over HTTP: the app sends its bytes here, the page shows them from here.

use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::Sim;
use super::super::api::FILE_BYTES_MAX;

/// How a PNG begins.
const PNG: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];

/// Takes the bytes that an upload was announced with: all of them, and once.
pub(super) async fn take(Extract(sim): Extract<Sim>, Path(id): Path<String>, body: Bytes) -> Response {
    let mut state = sim.state();
    let Some(upload) = state.uploads.get_mut(&id).filter(|upload| upload.bytes.is_none()) else {
        return (StatusCode::NOT_FOUND, "no such upload\n").into_response();
    };
    if body.len() != upload.length || body.len() > FILE_BYTES_MAX {
        return (StatusCode::BAD_REQUEST, "another length was announced\n").into_response();
    }
    let answer = format!("OK - {}", body.len());
    upload.bytes = Some(body.to_vec());
    answer.into_response()
}

/// A file. Pictures are shown; anything else is only kept.
pub(super) async fn give(Extract(sim): Extract<Sim>, Path(id): Path<String>) -> Response {
    let bytes = sim.state().world.files.get(&id).and_then(|base64| STANDARD.decode(base64).ok());
    let Some(bytes) = bytes else { return (StatusCode::NOT_FOUND, "no such file\n").into_response() };
    if bytes.starts_with(&PNG) {
        return ([(header::CONTENT_TYPE, "image/png")], bytes).into_response();
    }
    let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CONTENT_DISPOSITION, "attachment")];
    (headers, bytes).into_response()
}
