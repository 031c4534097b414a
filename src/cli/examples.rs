//! The examples and exit codes below each subcommand's `--help`.

use clap::Command;

/// Subcommand, examples, and its exit codes where its own help does not tell them.
const EXAMPLES: &[(&str, &str, &str)] = &[
    (
        "why",
        "\
  sockpit why 8080
  sockpit why 53/udp --addr 127.0.0.1",
        "",
    ),
    (
        "free",
        "\
  sockpit free                    the first free port from 8000 on
  sockpit free 8000-8100 -n 3",
        "",
    ),
    (
        "wait",
        "\
  sockpit wait 8080 --listening && curl http://localhost:8080
  sockpit wait 8080 --free --timeout 1m",
        "",
    ),
    (
        "kill",
        "\
  sockpit kill 8080 --dry-run     the plan: who would be ended, and what else is lost
  sockpit kill 8080               asks, ends them, and checks that the port is free
  sockpit kill 8080 --force --yes KILL for those that do not end by TERM, for scripts",
        "Exit code: 0 they have ended and the port is free, 1 some are alive or the port is still held,
2 wrong usage, 3 not permitted.",
    ),
    (
        "close",
        "\
  sockpit close raddr:10.0.0.7 port:8080 --dry-run
  sockpit close name:curl state:close-wait --yes",
        "Exit code: 0 all of them are closed, 1 nothing matched or some are not, 2 wrong usage, 3 not
permitted.",
    ),
    (
        "packets",
        "\
  sockpit packets -i eth0 --duration 10s
  sockpit packets -r capture.pcapng --json
  sockpit packets -r capture.pcapng --filter 'tcp port 443 and host 10.0.0.7'
  sockpit packets -i eth0 --list --filter 'udp port 53'
  sockpit packets -r capture.pcapng --stats problems
  sockpit packets -r capture.pcapng --ladder --filter 'tcp port 443'
  sockpit packets -i eth0 -w new.pcapng --max-size 100M
  tcpdump -U -w - | sockpit packets -r -",
        "A filter means what it means to tcpdump, surprises included: \"vlan\", \"mpls\", \"pppoes\" and
\"geneve\" shift everything after them, even after \"or\" and \"not\"; tcp[13] looks at IPv4 only;
later fragments have no ports; a packet that is too short for a test is refused, also by \"not\".
Unlike tcpdump's, live filters see VLAN tags as a file has them. docs/packets.md has more.
Exit code: 0 done (Ctrl-C included), 1 the capture or the writing broke off, 2 not a capture or wrong
usage, 3 not permitted to capture.",
    ),
    (
        "addr",
        "\
  sockpit addr                     this host's interfaces, addresses and routes
  sockpit addr 192.168.0.1:80      its bytes, its class, and struct sockaddr
  sockpit addr 'fe80::1%eth0'",
        "Exit code: 0 it was shown, 1 this host's addresses cannot be read, 2 not an address.",
    ),
    (
        "completions",
        "\
  sockpit completions bash > ~/.local/share/bash-completion/completions/sockpit",
        "",
    ),
    ("man", "  sockpit man | man -l -", ""),
    (
        "serve",
        "\
  sockpit serve tcp 8080                    send back what comes
  sockpit serve tcp 8080 --hang             accept, and send nothing
  sockpit serve tcp 8080 --say '220 hello\\r\\n' --slow=10
  sockpit serve tls 8443 --fault expired    with a certificate that ran out
  sockpit serve http 8443 --tls --ca-out ca.pem --status 503
  sockpit serve udp 0.0.0.0:5353 --discard --jsonl",
        "",
    ),
    (
        "probe",
        "\
  sockpit probe example.org       https, then http; sockpit probe example.org:22 speaks SSH
  sockpit probe https://example.org/health --expect status=200 --expect 'tls.days_left>14'
  sockpit probe smtp://mail.example.org --starttls
  sockpit probe 127.0.0.1:1-65535 which ports can be connected to
  sockpit probe 8080 --count 10 --interval 200ms",
        "",
    ),
];

/// The command with all of them.
pub(super) fn add(mut command: Command) -> Command {
    for (name, examples, exit) in EXAMPLES {
        command = command.mut_subcommand(name, |subcommand| {
            let short = subcommand.get_after_help().map(ToString::to_string).unwrap_or_default();
            let long = subcommand.get_after_long_help().map(ToString::to_string);
            // The line break before the first of them takes its indent along.
            let examples = format!("Examples:\n  {}", examples.trim_start());
            let parts = [short.as_str(), &examples, exit];
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            let short = parts.join("\n\n");
            let long = long.map_or_else(|| short.clone(), |long| format!("{short}\n\n{long}"));
            subcommand.after_help(short).after_long_help(long)
        });
    }
    command
}
