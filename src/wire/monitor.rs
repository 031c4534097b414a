//! The arguments of the process that stands over a container: containerd's shim, conmon. Every
//! user may read them of every process.

/// The container that such a process was started for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitored {
    /// `docker`, `podman`, `kubernetes`, `containerd`, `cri-o`.
    pub runtime: &'static str,
    /// The runtime's id.
    pub id: String,
    /// Its name; `None` where the arguments have none.
    pub name: Option<String>,
    /// Whether this one stands over a single command that was started in a container which ran
    /// before (`podman exec`).
    pub is_exec: bool,
}

/// Whether the name of a process, as the kernel keeps it, is that of such a program.
pub fn is_monitor(name: &str) -> bool {
    name == "conmon" || name.starts_with("containerd-shim")
}

/// What a process with this program's name, and these arguments behind it, stands over.
pub fn monitored(program: &str, arguments: &[&str]) -> Option<Monitored> {
    if program == "conmon" {
        return conmon(arguments);
    }
    if !program.starts_with("containerd-shim") {
        return None;
    }
    // containerd's namespace says who asked for it.
    let runtime = match option(arguments, &["-namespace", "--namespace"]) {
        Some("moby") => "docker",
        Some("k8s.io") => "kubernetes",
        _ => "containerd",
    };
    let id = option(arguments, &["-id", "--id"])?.to_owned();
    Some(Monitored { runtime, id, name: None, is_exec: false })
}

/// `conmon --api-version 1 -c ID -u ID -n NAME …` (conmon(8)). For a command in a container
/// `-u` is an id of its own.
fn conmon(arguments: &[&str]) -> Option<Monitored> {
    let id = option(arguments, &["-c", "--cid"])?;
    let name = option(arguments, &["-n", "--name"]);
    let is_exec = option(arguments, &["-u", "--cuuid"]).is_some_and(|own| own != id);
    // CRI-O gives its containers such names, and podman none.
    let of_crio = name.is_some_and(|name| name.starts_with("k8s_"));
    Some(Monitored {
        runtime: if of_crio { "cri-o" } else { "podman" },
        id: id.to_owned(),
        name: name.map(str::to_owned),
        is_exec,
    })
}

/// The value behind one of `names`, as `-name VALUE` or `-name=VALUE`.
pub fn option<'a>(arguments: &[&'a str], names: &[&str]) -> Option<&'a str> {
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if names.contains(word) {
            return words.next().copied();
        }
        if let Some((name, value)) = word.split_once('=')
            && names.contains(&name)
        {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "5e7e2a7e4496fe9c44e5b8a20505931706a3e737a9418b60cb36bffbb32f9098";

    fn of(program: &str, arguments: &str) -> Option<Monitored> {
        let arguments = arguments.replace("ID", ID);
        monitored(program, &arguments.split(' ').collect::<Vec<_>>())
    }

    #[test]
    fn conmon_names_its_container() {
        let arguments = "--api-version 1 -c ID -u ID -r /usr/bin/runc -b /var/lib/containers/x \
                         -n pweb --exit-dir /run/libpod/exits -s -l journald";
        let found = of("conmon", arguments).unwrap();
        assert_eq!((found.runtime, &*found.id), ("podman", ID));
        assert_eq!((found.name.as_deref(), found.is_exec), (Some("pweb"), false));
        let exec = of("conmon", "--api-version 1 -c ID -u 0f9cfdc586 -r /usr/bin/runc").unwrap();
        assert!(exec.is_exec && exec.name.is_none());
        let crio = of("conmon", "-b /run/x -c ID -n k8s_web_pod-1_default_0f_0 -r /usr/bin/runc");
        assert_eq!(crio.unwrap().runtime, "cri-o");
        assert_eq!(of("conmon", "--version"), None);
    }

    #[test]
    fn shims_name_their_containers_and_for_whom() {
        for (namespace, runtime) in
            [("moby", "docker"), ("k8s.io", "kubernetes"), ("default", "containerd")]
        {
            let arguments =
                format!("-namespace {namespace} -id ID -address /run/containerd/containerd.sock");
            let found = of("containerd-shim-runc-v2", &arguments).unwrap();
            assert_eq!((found.runtime, &*found.id), (runtime, ID));
            assert_eq!(of("containerd-shim", &arguments), Some(found));
        }
        assert_eq!(of("bash", "-id ID"), None);
    }
}
