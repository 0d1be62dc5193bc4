//! `files.*`: an address to send bytes to, and the message that shows what was sent.
//!
//! Simpler than Slack: a file is kept when it is shown, one megabyte at most; what was sent and never shown is forgotten
//! with the process.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::state::Upload;
use super::super::world::{File, Message, Record};
use super::chat::Content;
use super::{Answer, Call, Refusal};

/// Bytes of one file.
pub(in crate::sim) const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Characters of a name.
const NAME_CHARS_MAX: usize = 255;
/// Characters of a description.
const ALT_CHARS_MAX: usize = 1000;

impl Call<'_> {
    pub(super) fn upload_url(&mut self) -> Answer {
        let cut = |text: &str, chars_max| text.chars().take(chars_max).collect::<String>();
        let name = cut(self.args.required("filename", "invalid_arguments")?, NAME_CHARS_MAX);
        let length = self.args.number("length").filter(|length| *length > 0).ok_or("invalid_arguments")?;
        if length > FILE_BYTES_MAX {
            return Err("file_upload_size_restricted".into());
        }
        let alt = cut(self.args.text("alt_txt").unwrap_or_default(), ALT_CHARS_MAX);
        let id = self.state.mint("F", self.now);
        self.state.uploads.insert(id.clone(), Upload { name, alt, length, bytes: None });
        let url = format!("{}/local/upload/{id}", self.config.own_base_url);
        Ok(json!({ "upload_url": url, "file_id": id }))
    }

    /// One message shows all files. Without a channel Slack keeps them to itself; nobody needs that here.
    pub(super) fn complete_upload(&mut self) -> Answer {
        let Some(Value::Array(named)) = self.args.structure("files") else { return Err("invalid_arguments".into()) };
        let channel = self.args.required("channel_id", "channel_not_found")?.to_owned();
        let channel = self.state.world.channel(&channel).cloned().ok_or("channel_not_found")?;
        if channel.archived {
            return Err("is_archived".into());
        }
        let thread_ts = self.args.text("thread_ts").map(str::to_owned);
        if thread_ts.as_ref().is_some_and(|ts| self.state.world.message(&channel.id, ts).is_none()) {
            return Err("invalid_thread_ts".into());
        }
        let sent: Result<Vec<_>, Refusal> = named.iter().map(|named| self.sent(named)).collect();
        let mut files = Vec::new();
        for (file, bytes) in sent? {
            self.state.commit(Record::FileKept { id: file.id.clone(), base64: STANDARD.encode(bytes) })?;
            self.state.uploads.remove(&file.id);
            files.push(file);
        }
        let text = self.args.text("initial_comment").unwrap_or_default().to_owned();
        let content = Content { text, blocks: Vec::new() };
        let shown: Vec<Value> = files.iter().map(File::to_json).collect();
        let message = Message { thread_ts, files, ..self.message(&channel.id, content) };
        self.state.commit(Record::Posted { message })?;
        Ok(json!({ "files": shown }))
    }

    fn sent(&self, named: &Value) -> Result<(File, Vec<u8>), Refusal> {
        let id = named["id"].as_str().ok_or("invalid_arguments")?;
        let upload = self.state.uploads.get(id).ok_or("file_not_found")?;
        let bytes = upload.bytes.clone().ok_or("file_not_found")?;
        let title = named["title"].as_str().unwrap_or(&upload.name).to_owned();
        Ok((File { id: id.to_owned(), name: upload.name.clone(), title, alt: upload.alt.clone() }, bytes))
    }
}
