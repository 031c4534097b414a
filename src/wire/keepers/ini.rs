//! supervisord's configuration, as far as it says where it listens and what a stop of a program
//! reaches.

/// The patterns of further files (`[include]`, `files`), as written: relative to the file's own
/// directory where they do not begin with a slash.
pub fn includes(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (section, key, value) in settings(text) {
        if section == "include" && key == "files" {
            found.extend(value.split_whitespace().map(str::to_owned));
        }
    }
    found
}

/// Whether a stop of the program is sent to its whole process group (`stopasgroup`); `None` where
/// this file has no such program.
pub fn stops_group(text: &str, program: &str) -> Option<bool> {
    let wanted = format!("program:{program}");
    let is_known = text.lines().any(|line| section(line) == Some(&wanted));
    let mut set = settings(text)
        .into_iter()
        .filter(|(section, key, _)| *section == wanted && *key == "stopasgroup");
    let value = set.next().map(|(_, _, value)| value);
    let is_on = |value: String| {
        let value = value.to_ascii_lowercase();
        ["true", "yes", "on", "1"].contains(&&*value)
    };
    is_known.then(|| value.is_some_and(is_on))
}

/// Where supervisord listens for supervisorctl, as that takes it (`-s`): `unix:///run/s.sock`,
/// `http://127.0.0.1:9001`. `here` is the directory of the file.
pub fn server_url(text: &str, here: &str) -> Option<String> {
    let settings = settings(text);
    let value = |wanted: &str, name: &str| {
        let mut set =
            settings.iter().filter(|(section, key, _)| *section == wanted && *key == name);
        set.next().map(|(_, _, value)| value.replace("%(here)s", here))
    };
    if let Some(file) = value("unix_http_server", "file").filter(|file| file.starts_with('/')) {
        return Some(format!("unix://{file}"));
    }
    let port = value("inet_http_server", "port")?;
    let (host, port) = port.rsplit_once(':').unwrap_or(("", &port));
    let host = if matches!(host, "" | "*" | "0.0.0.0") { "127.0.0.1" } else { host };
    port.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("http://{host}:{port}"))
}

/// Section, key and value of each setting; a line that begins with a blank goes on with the value
/// before it.
fn settings(text: &str) -> Vec<(&str, &str, String)> {
    let mut found: Vec<(&str, &str, String)> = Vec::new();
    let mut within = "";
    for line in text.lines() {
        let bare = line.split(" ;").next().unwrap_or(line);
        if bare.trim().is_empty() || bare.starts_with([';', '#']) {
            continue;
        }
        if let Some(name) = section(line) {
            within = name;
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, _, value)) = found.last_mut() {
                value.push(' ');
                value.push_str(bare.trim());
            }
        } else if let Some((key, value)) = bare.split_once(['=', ':']) {
            found.push((within, key.trim(), value.trim().to_owned()));
        }
    }
    found
}

fn section(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.split_once(']').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "; Debian's\n[supervisord]\nlogfile=/x ; comment\n[include]\n\
        files = /etc/supervisor/conf.d/*.conf\n  more/*.ini\n[program:web]\ncommand=/bin/web\n\
        stopasgroup = TRUE ; all of it\n#stopasgroup=false\n[program:other]\ncommand=x\n\
        stopasgroup=false\n[program:plain]\ncommand=y\n";

    #[test]
    fn a_program_tells_whether_its_group_is_stopped() {
        assert_eq!(stops_group(TEXT, "web"), Some(true));
        assert_eq!(stops_group(TEXT, "other"), Some(false));
        assert_eq!(stops_group(TEXT, "plain"), Some(false));
        assert_eq!(stops_group(TEXT, "absent"), None);
        for end in 0..TEXT.len() {
            stops_group(&TEXT[..end], "web");
        }
    }

    #[test]
    fn where_it_listens_is_told() {
        let told = |text: &str| server_url(text, "/srv/a");
        let by_path = "[unix_http_server]\nfile=%(here)s/s.sock ; it\n";
        assert_eq!(told(by_path).as_deref(), Some("unix:///srv/a/s.sock"));
        for (port, url) in [
            ("127.0.0.1:9001", "http://127.0.0.1:9001"),
            ("*:9001", "http://127.0.0.1:9001"),
            (":9001", "http://127.0.0.1:9001"),
            ("9001", "http://127.0.0.1:9001"),
        ] {
            let text = format!("[inet_http_server]\nport = {port}\n");
            assert_eq!(told(&text).as_deref(), Some(url), "{port}");
        }
        assert_eq!(told("[unix_http_server]\nfile=s.sock\n"), None);
        assert_eq!(told(TEXT), None);
    }

    #[test]
    fn further_files_are_told() {
        assert_eq!(includes(TEXT), ["/etc/supervisor/conf.d/*.conf", "more/*.ini"]);
        assert!(includes("").is_empty());
    }
}
