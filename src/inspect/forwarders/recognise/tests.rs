use super::*;

const ID: &str = "5e7e2a7e4496fe9c44e5b8a20505931706a3e737a9418b60cb36bffbb32f9098";

/// A process as an unprivileged user sees another's: arguments, and no program's file.
fn process(name: &str, cmdline: &str) -> Process {
    let words = cmdline.split(' ').map(|word| word.replace("ID", ID).into());
    Process { cmdline: words.collect(), ..Process::named(40, 1, name) }
}

fn told(name: &str, cmdline: &str, port: u16) -> Option<Told> {
    recognise(&process(name, cmdline), Held { port, udp: false })
}

/// Where it leads: `KIND HOST PORT`, with `-` for what is not told.
fn leads(name: &str, cmdline: &str, port: u16) -> String {
    let Some(told) = told(name, cmdline, port) else { return "nothing".to_owned() };
    let addr = told.addr.map(|addr| addr.to_string());
    let host = addr.or(told.host).unwrap_or("-".to_owned());
    let port = told.port.map_or("-".to_owned(), |port| port.to_string());
    let via = told.via.map_or(String::new(), |via| format!(" via {via}"));
    format!("{} {host} {port}{via}", told.kind.program())
}

#[test]
fn docker_proxy_names_its_containers_end() {
    // docker 20.10, and rootless docker's two processes.
    for (name, program) in [
        ("docker-proxy", "/usr/sbin/docker-proxy"),
        ("rootlesskit-doc", "/usr/bin/rootlesskit-docker-proxy"),
        ("docker-proxy", "docker-proxy"),
    ] {
        let cmdline = format!(
            "{program} -proto tcp -host-ip 0.0.0.0 -host-port 8401 -container-ip 172.17.0.2 \
             -container-port 80"
        );
        assert_eq!(leads(name, &cmdline, 8401), "docker-proxy 172.17.0.2 80");
        let held = |port, udp| Held { port, udp };
        let proxy = process(name, &cmdline);
        assert!(is_proxy_for(&proxy, held(8401, false)));
        assert!(!is_proxy_for(&proxy, held(8401, true)));
        assert!(!is_proxy_for(&proxy, held(8402, false)));
    }
    let bare = Process::named(40, 1, "docker-proxy");
    assert_eq!(recognise(&bare, Held { port: 1, udp: false }), None, "no arguments to be read");
}

#[test]
fn conmon_names_its_container() {
    let cmdline = "/usr/bin/conmon --api-version 1 -c ID -u ID -r /usr/bin/runc -b \
                   /var/lib/containers/storage/overlay-containers/ID/userdata -n pweb --exit-dir \
                   /run/libpod/exits -s -l journald";
    let conmon = told("conmon", cmdline, 8501).unwrap();
    assert_eq!(
        (conmon.container.as_deref(), conmon.container_name.as_deref()),
        (Some(ID), Some("pweb"))
    );
}

#[test]
fn slirp4netns_names_a_file_or_a_process() {
    let cmdline = "/usr/bin/slirp4netns --disable-host-loopback --mtu=65520 --enable-sandbox \
                   --enable-seccomp --enable-ipv6 -c -e 3 -r 4 --api-socket \
                   /run/user/2000/libpod/tmp/ID.net --netns-type=path \
                   /run/user/2000/netns/netns-bae8ba47 tap0";
    let podmans = told("slirp4netns", cmdline, 8602).unwrap();
    assert_eq!(podmans.container.as_deref(), Some(ID));
    assert_eq!(podmans.netns_file.as_deref(), Some("/run/user/2000/netns/netns-bae8ba47"));
    let cmdline = "slirp4netns --mtu 1500 -r 3 --disable-host-loopback --enable-sandbox 2353 tap0";
    let rootlesskits = told("slirp4netns", cmdline, 1).unwrap();
    assert_eq!((rootlesskits.of_pid, rootlesskits.netns_file), (Some(2353), None));
}

#[test]
fn pasta_says_which_of_its_ports_leads_where() {
    for (spec, port) in [
        ("-t 8604:80", 80),
        ("-t 127.0.0.1/8604:80", 80),
        ("--tcp-ports 1:2,8600-8610:90-100", 94),
        ("--tcp-ports=8604", 8604),
        ("-t 1 -t 8604:81 -u 8604:53", 81),
        ("-t auto", 8604),
    ] {
        for name in ["pasta", "pasta.avx2", "passt.avx2"] {
            let cmdline = format!("{name} --config-net {spec} --netns /run/user/1000/netns/n1");
            let pasta = told(name, &cmdline, 8604).unwrap();
            assert_eq!(pasta.port, Some(port), "{spec}");
            assert_eq!(pasta.netns_file.as_deref(), Some("/run/user/1000/netns/n1"));
            assert_eq!(pasta.of_pid, None, "{spec}");
        }
    }
    assert_eq!(told("pasta", "pasta --config-net 4242", 1).unwrap().of_pid, Some(4242));
    assert_eq!(told("pasta", "pasta -t 4242", 4242).unwrap().of_pid, None);
}

#[test]
fn ssh_says_where_the_port_that_is_asked_about_leads() {
    for (arguments, expected) in [
        ("-L 8901:localhost:80 bob@gate", "ssh localhost 80 via bob@gate"),
        ("-NfL8901:db:5432 -p 2222 gate", "ssh db 5432 via gate"),
        ("-fN -L 127.0.0.1:8901:10.0.0.5:80 gate", "ssh 10.0.0.5 80 via gate"),
        ("-L 1:a:2 -L [::1]:8901:[fd00::5]:80 gate", "ssh fd00::5 80 via gate"),
        ("-o LocalForward=8901 gate", "ssh - - via gate"),
        ("-L 8901:/run/docker.sock gate", "ssh /run/docker.sock - via gate"),
        ("-D 8901 gate", "ssh whatever its SOCKS clients ask for - via gate"),
        ("-L 1:a:2 gate", "ssh - - via gate"),
        ("gate -L 8901:a:1 cat -L 8901:b:2", "ssh a 1 via gate"),
        ("-- gate", "ssh - - via gate"),
    ] {
        assert_eq!(leads("ssh", &format!("ssh {arguments}"), 8901), expected, "{arguments}");
    }
    // A word with a blank is one argument.
    let mut ssh = process("ssh", "ssh -o X gate");
    ssh.cmdline[2] = "LocalForward 8901 db:80".into();
    let found = recognise(&ssh, Held { port: 8901, udp: false }).unwrap();
    assert_eq!((found.host.as_deref(), found.port), (Some("db"), Some(80)));
    let mut master = process("ssh", "x");
    master.cmdline = vec!["ssh: /root/.ssh/ctl [mux]".into()];
    let found = recognise(&master, Held { port: 8901, udp: false }).unwrap();
    assert_eq!(found.via.as_deref(), Some("/root/.ssh/ctl"));
}

#[test]
fn a_session_of_sshd_is_told_from_the_server() {
    let session = |title: &str| {
        let mut sshd = process("sshd", "x");
        sshd.cmdline = vec![title.into()];
        recognise(&sshd, Held { port: 8902, udp: false }).map(|told| told.via)
    };
    assert_eq!(session("sshd: bob@pts/0"), Some(Some("bob@pts/0".to_owned())));
    assert_eq!(session("sshd-session: bob@notty"), Some(Some("bob@notty".to_owned())));
    assert_eq!(session("sshd: bob [priv]"), Some(Some("bob".to_owned())));
    assert_eq!(session("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"), None);
    assert_eq!(session("/usr/sbin/sshd"), None);
}

#[test]
fn what_dials_says_whom() {
    for (name, cmdline, expected) in [
        ("socat", "socat TCP-LISTEN:8903,fork TCP:10.0.0.1:80", "socat 10.0.0.1 80"),
        (
            "socat",
            "socat -d tcp6-l:8903,reuseaddr OPENSSL:web.internal:443,verify=0",
            "socat web.internal 443",
        ),
        ("socat", "socat UNIX-CONNECT:/run/x.sock TCP4-LISTEN:8903", "socat /run/x.sock -"),
        ("socat", "socat TCP-LISTEN:8903,fork EXEC:/bin/cat", "socat EXEC:/bin/cat -"),
        ("socat", "socat TCP-LISTEN:8903 TCP6:[::1]:80", "socat ::1 80"),
        ("socat", "socat - TCP:10.0.0.1:80", "nothing"),
        (
            "kubectl",
            "kubectl -n shop port-forward --address 0.0.0.0 svc/web 8903:80",
            "kubectl svc/web 80 via namespace shop",
        ),
        ("kubectl", "kubectl port-forward pod/a 8903", "kubectl pod/a 8903"),
        ("kubectl", "kubectl port-forward svc/web 8903:http", "kubectl svc/web port http -"),
        ("kubectl", "kubectl proxy --port=8903", "nothing"),
        (
            "systemd-socket-",
            "/lib/systemd/systemd-socket-proxyd --exit-idle-time=5 10.0.0.1:80",
            "systemd-socket-proxyd 10.0.0.1 80",
        ),
        (
            "systemd-socket-",
            "/lib/systemd/systemd-socket-proxyd /run/web.sock",
            "systemd-socket-proxyd /run/web.sock -",
        ),
        ("gvproxy", "/usr/libexec/podman/gvproxy -ssh-port 2222", "gvproxy - -"),
        ("rootlessport", "rootlessport", "rootlessport - -"),
        ("nginx", "nginx: master process nginx", "nothing"),
        ("haproxy", "haproxy -f /etc/haproxy.cfg", "nothing"),
    ] {
        assert_eq!(leads(name, cmdline, 8903), expected, "{cmdline}");
    }
}

#[test]
fn the_programs_file_counts_more_than_its_title() {
    let mut child = process("exe", "/proc/self/exe --net=slirp4netns");
    child.exe = Some("/usr/bin/rootlesskit".into());
    assert_eq!(
        recognise(&child, Held { port: 1, udp: false }).unwrap().kind,
        ForwarderKind::Rootlesskit
    );
    let mut fake = process("docker-proxy", "docker-proxy -container-ip 10.0.0.1");
    fake.exe = Some("/home/bob/x (deleted)".into());
    assert_eq!(recognise(&fake, Held { port: 1, udp: false }), None);
}
