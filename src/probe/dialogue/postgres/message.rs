//! The messages of a PostgreSQL server that can come before the first query.

use crate::probe::dialogue::inbox::Inbox;

/// The largest message that is read; none of these has more than some hundred bytes.
const MOST: usize = 32 * 1024;

/// A message.
pub(super) enum Message {
    /// How to log in; whether nothing more is asked.
    Authentication {
        /// Its name in `pg_hba.conf`.
        method: String,
        /// The user is in.
        lets_in: bool,
    },
    /// A setting and its value.
    Parameter(String, String),
    /// Queries may come.
    Ready,
    /// It ends.
    Error(Error),
    /// Any other: a notice, the key for cancelling.
    Other,
}

/// An error's fields.
pub(super) struct Error {
    /// Five characters.
    pub sqlstate: Option<String>,
    /// In the server's language.
    pub message: String,
    /// The routine in the server's source that raised it.
    pub routine: Option<String>,
}

/// Why there is no message.
pub(super) enum Problem {
    /// It begins like none.
    NotPostgres,
    /// Its length cannot be.
    Length,
}

/// Takes the next message; `None` where it has not come as a whole.
pub(super) fn next(inbox: &mut Inbox) -> Result<Option<Message>, Problem> {
    let (kind, length) = match inbox.unread() {
        [] => return Ok(None),
        [kind @ (b'R' | b'E' | b'S' | b'K' | b'Z' | b'N' | b'v'), rest @ ..] => {
            let Some(length) = rest.first_chunk() else { return Ok(None) };
            (*kind, usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX))
        }
        _ => return Err(Problem::NotPostgres),
    };
    if length > MOST {
        // Protocol 2 has no lengths: its errors are text up to a zero byte.
        return if kind == b'E' { old_error(inbox) } else { Err(Problem::NotPostgres) };
    }
    if length < 4 {
        return Err(Problem::Length);
    }
    if inbox.unread().len() < 1 + length {
        return Ok(None);
    }
    let body = &inbox.read(1 + length)[5..];
    Ok(Some(match kind {
        b'R' => authentication(body),
        b'E' => Message::Error(error(body)),
        b'S' => {
            let mut texts = body.split(|byte| *byte == 0).map(text);
            Message::Parameter(texts.next().unwrap_or_default(), texts.next().unwrap_or_default())
        }
        b'Z' => Message::Ready,
        _ => Message::Other,
    }))
}

fn old_error(inbox: &mut Inbox) -> Result<Option<Message>, Problem> {
    let Some(end) = inbox.unread().iter().position(|byte| *byte == 0) else { return Ok(None) };
    let words = text(&inbox.read(end + 1)[1..end]).trim_end().to_owned();
    if !words.is_ascii() {
        return Err(Problem::NotPostgres);
    }
    Ok(Some(Message::Error(Error { sqlstate: None, message: words, routine: None })))
}

fn authentication(body: &[u8]) -> Message {
    let number = body.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
    let method = match number {
        Some(0) => "trust".to_owned(),
        Some(2) => "kerberos".to_owned(),
        Some(3) => "password".to_owned(),
        Some(5) => "md5".to_owned(),
        Some(7) => "gss".to_owned(),
        Some(9) => "sspi".to_owned(),
        Some(10) => {
            let names = body[4..].split(|byte| *byte == 0).filter(|name| !name.is_empty());
            names.map(|name| text(name).to_ascii_lowercase()).collect::<Vec<_>>().join(" ")
        }
        Some(number) => format!("method {number}"),
        None => "no method".to_owned(),
    };
    Message::Authentication { method, lets_in: number == Some(0) }
}

fn error(body: &[u8]) -> Error {
    let field = |kind: u8| {
        let mut fields = body.split(|byte| *byte == 0);
        fields.find(|field| field.first() == Some(&kind)).map(|field| text(&field[1..]))
    };
    Error { sqlstate: field(b'C'), message: field(b'M').unwrap_or_default(), routine: field(b'R') }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
