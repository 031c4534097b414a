//! HTTP/1.1: every request gets the same answer.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::{sleep, timeout};

use super::connection::{Connection, Ended};
use super::{Page, Seen};
use crate::model::probe::End;
use crate::model::serve::Ending;

/// The longest head that is read.
const MOST: usize = 64 * 1024;

/// How long a client may take for its head.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads a request and answers it.
pub(super) async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut Connection,
    stream: &mut S,
    page: &Page,
) -> io::Result<Ended> {
    let head = match timeout(PATIENCE, read_head(stream)).await {
        Ok(head) => head?,
        Err(_) => return Ok((End::Us, Ending::Fin)),
    };
    connection.received += head.len() as u64;
    let text = String::from_utf8_lossy(&head).into_owned();
    let Some(request) = Request::parse(&text) else {
        if head.is_empty() {
            return Ok((End::Peer, Ending::Fin));
        }
        connection.came_unread(&head).await;
        respond(connection, stream, 400, false).await?;
        return Ok((End::Us, Ending::Fin));
    };
    connection
        .watch
        .see(Seen::Request {
            method: request.method.to_owned(),
            target: request.target.to_owned(),
            host: request.host.map(str::to_owned),
            headers: request.headers,
            status: page.status,
        })
        .await;
    sleep(page.delay).await;
    respond(connection, stream, page.status, request.method == "HEAD").await?;
    Ok((End::Us, Ending::Fin))
}

/// Reads up to the empty line, the end, or the bound.
async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while head.len() < MOST {
        let count = match stream.read(&mut buffer).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            read => read?,
        };
        let from = head.len().saturating_sub(3);
        head.extend(&buffer[..count]);
        let ends = |part: &[u8]| part.windows(4).any(|four| four == b"\r\n\r\n");
        // What is no HTTP need not be waited for: a TLS hello has no empty line.
        if count == 0 || ends(&head[from..]) || !head[0].is_ascii_alphabetic() {
            break;
        }
    }
    Ok(head)
}

struct Request<'a> {
    method: &'a str,
    target: &'a str,
    host: Option<&'a str>,
    headers: u64,
}

impl<'a> Request<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut lines = text.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        words.next().filter(|version| version.starts_with("HTTP/"))?;
        let headers: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
        let host = headers.iter().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("host").then(|| value.trim())
        });
        Some(Self { method, target, host, headers: headers.len() as u64 })
    }
}

async fn respond<S: AsyncWrite + Unpin>(
    connection: &mut Connection,
    stream: &mut S,
    status: u16,
    head_only: bool,
) -> io::Result<()> {
    let reason = match status {
        200 => "OK",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    };
    let body = match status {
        204 | 304 => String::new(),
        _ => format!("{status} {reason}\n"),
    };
    let location = if (300..304).contains(&status) { "Location: /elsewhere\r\n" } else { "" };
    let version = env!("CARGO_PKG_VERSION");
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\nServer: sockpit/{version}\r\nContent-Type: text/plain\r\n\
         {location}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    connection.send(stream, head.as_bytes()).await?;
    if !head_only {
        connection.send(stream, body.as_bytes()).await?;
    }
    Ok(())
}
