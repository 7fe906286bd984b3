//! A Kubernetes cluster of one node, in namespaces of its own on this machine. No other machine can
//! reach it, and the user's clusters are neither read nor changed.
//!
//! The node is one process tree with its own mounts, processes and network, in which
//! `e2e/cluster/node.sh` starts Kubernetes. It ends with the suite, even if that is killed; its
//! files are then removed by the next run.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use fs_err as fs;
use harness::certificates::{Authority, key_pair};
use harness::server::relay;
use rustix::process::geteuid;

use super::go::{KUBERNETES, kubernetes, tool};
use super::{Engine, Registry, debian};
use crate::command::{is_on_path, last_lines, output, record, retry};
use crate::directories::{log, source, target, workspace};
use harness::digest;

/// How long the node may take to be ready, which usually takes five seconds.
const PATIENCE: Duration = Duration::from_mins(2);
/// Debian packages of the node.
const PACKAGES: [&str; 5] = [
    "containerd",
    "runc",
    "etcd-server",
    "containernetworking-plugins",
    "nftables",
];
/// The configuration of the node: sources, and their places below the directory of the cluster.
const FILES: [(&str, &str); 5] = [
    ("bridge.conflist", "conf/net.d/bridge.conflist"),
    ("containerd.toml", "conf/containerd.toml"),
    ("kubelet.yaml", "conf/kubelet.yaml"),
    ("kube-proxy.yaml", "conf/kube-proxy.yaml"),
    ("kubeconfig.yaml", "kubeconfig"),
];

/// The address of the API for pods: the first one of the services.
const API: &str = "10.215.0.1";

/// A cluster, started when a case needs it.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// Its directory, `/run` on the node.
    directory: PathBuf,
    /// The name of its cgroup and of the link to it, unique to the checkout.
    name: String,
    addresses: Addresses,
    registry: OnceLock<Result<Registry, String>>,
    node: Mutex<Option<Child>>,
}

/// A namespace, and the registry that its pods pull from.
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) name: String,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) registry: String,
}

/// The addresses of a checkout.
#[derive(Debug)]
struct Addresses {
    /// This machine, as the cluster reaches it.
    host: String,
    /// The other end of the link.
    link: String,
    /// The node, and its pods.
    node: String,
    pods: String,
}

impl Cluster {
    /// Prepares to start a cluster, and removes leftovers of a killed run.
    pub(crate) fn new() -> Result<Self> {
        let id = &digest(workspace().as_os_str().as_encoded_bytes())[..8];
        let third = u8::from_str_radix(&id[..2], 16)?;
        let cluster = Self {
            directory: target("cluster"),
            name: format!("e2e-{id}"),
            addresses: Addresses {
                host: format!("10.214.{third}.1"),
                link: format!("10.214.{third}.2"),
                node: format!("10.213.{third}.1"),
                pods: format!("10.213.{third}.0/24"),
            },
            registry: OnceLock::new(),
            node: Mutex::default(),
        };
        cluster.clear()?;
        Ok(cluster)
    }

    /// Why this machine cannot run one.
    pub(crate) fn obstacle() -> Option<&'static str> {
        if !geteuid().is_root() {
            Some("only root can start a Kubernetes cluster")
        } else if !is_on_path("apt-get") {
            Some("a Kubernetes cluster needs packages of Debian, and there is no apt-get")
        } else {
            None
        }
    }

    /// Builds or downloads the programs of the node.
    pub(crate) fn programs() -> Result<()> {
        debian::unpacked("kubernetes", &PACKAGES)?;
        debian::provide("ip", &["iproute2"])?;
        tool("crane")?;
        kubernetes()
    }

    /// Starts it, unless it is running. Pods start with a container of the image `pause`.
    pub(crate) fn start(self: &Arc<Self>, engine: &Arc<Engine>, pause: &str) -> Result<()> {
        let start = || {
            let (sender, receiver) = mpsc::channel();
            let (cluster, engine) = (Arc::clone(self), Arc::clone(engine));
            let pause = pause.to_owned();
            // The processes end with the thread that starts them, and those of the cases end
            // earlier.
            thread::spawn(move || {
                let _ = sender.send(cluster.start_node(&engine, &pause));
                loop {
                    thread::park();
                }
            });
            let started = receiver.recv().context("its thread has ended");
            started.flatten().map_err(|error| format!("{error:#}"))
        };
        match self.registry.get_or_init(start) {
            Ok(_) => Ok(()),
            Err(error) => Err(anyhow!("the Kubernetes cluster does not start: {error}")),
        }
    }

    /// The registry, as this machine and the node name it in images.
    pub(crate) fn registry(&self) -> Result<&str> {
        let registry = self
            .registry
            .get()
            .and_then(|registry| registry.as_ref().ok());
        Ok(&registry
            .context("the cluster has not been started")?
            .address)
    }

    /// Makes a server on loopback reachable from pods. Returns its host and port there.
    pub(crate) fn reach(&self, server: SocketAddr) -> Result<String> {
        let address = format!("{}:{}", self.addresses.host, server.port());
        // The server may be reachable already.
        match TcpListener::bind(&address) {
            Ok(listener) => relay(listener, server),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(error).context(address),
        }
        Ok(address)
    }

    /// A namespace of this name, with a kubeconfig for it.
    pub(crate) fn namespace(&self, name: String) -> Result<Namespace> {
        let kubeconfig = self.directory.join(format!("kubeconfig-{name}"));
        let config = fs::read_to_string(self.directory.join("kubeconfig"))?;
        let config = config.replace("namespace: default", &format!("namespace: {name}"));
        fs::write(&kubeconfig, config)?;
        Ok(Namespace {
            kubeconfig,
            registry: self.registry()?.to_owned(),
            name,
        })
    }

    /// Ends the node and removes its files. Later calls have no effect.
    pub(crate) fn close(&self) {
        let mut node = self.node.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut node) = node.take() {
            // Processes on the node end with their standard input.
            drop(node.stdin.take());
            let _ = node.wait();
        }
        if let Err(error) = self.clear() {
            eprintln!("not everything of the Kubernetes cluster could be removed: {error:#}");
        }
    }

    fn start_node(&self, engine: &Engine, pause: &str) -> Result<Registry> {
        let registry = Registry::start()?;
        engine.push(pause, &format!("{}/pause", registry.address))?;
        self.write_files(&registry.address)?;
        let addresses = &self.addresses;
        let mut unshare = Command::new("unshare");
        unshare
            .args(["--mount", "--pid", "--net"])
            .args(["--fork", "--kill-child", "--mount-proc"])
            .arg(source("cluster/node.sh"))
            .arg(&self.directory)
            .arg(debian::unpacked("kubernetes", &PACKAGES)?)
            .args([
                &addresses.node,
                &addresses.link,
                &addresses.host,
                &self.name,
            ])
            // Ctrl-C reaches the suite, which then ends the node.
            .process_group(0);
        let node = record(&mut unshare, &log("node"))?
            .stdin(Stdio::piped())
            .spawn()
            .context("cannot start the node")?;
        let id = node.id();
        *self.node.lock().unwrap_or_else(PoisonError::into_inner) = Some(node);

        let has_namespaces = self.directory.join("has-namespaces");
        self.wait(|| {
            ensure!(has_namespaces.exists(), "it has no namespaces");
            Ok(())
        })?;
        let Addresses {
            host, link, pods, ..
        } = addresses;
        let name = &self.name;
        let connect = format!(
            "ip link add {name} type veth peer name eth0 netns {id}
            ip addr add {host}/30 dev {name}
            ip link set {name} up
            ip route add {pods} via {link}"
        );
        output(Command::new("sh").args(["-e", "-c", &connect]))?;
        self.reach(registry.address.parse()?)?;
        self.wait(|| {
            let kubectl = |words: &[&str]| {
                let mut kubectl = Command::new(target("tools/kubectl"));
                let config = self.directory.join("kubeconfig");
                output(kubectl.arg("--kubeconfig").arg(config).args(words)).map(drop)
            };
            kubectl(&["wait", "--for=condition=Ready", "node/node"])?;
            // The account exists once the controllers work.
            kubectl(&["get", "serviceaccount", "default"])
        })?;
        Ok(registry)
    }

    /// Waits until this succeeds, while the node is running.
    fn wait(&self, ready: impl Fn() -> Result<()>) -> Result<()> {
        let waited = retry(PATIENCE, || {
            let mut node = self.node.lock().unwrap_or_else(PoisonError::into_inner);
            let ended = node.as_mut().map_or(Ok(None), Child::try_wait)?;
            Ok(match ended {
                Some(status) => Err(anyhow!("the node has ended: {status}")),
                None => Ok(ready()?),
            })
        });
        let waited = waited.flatten();
        waited.with_context(|| {
            let printed = fs::read_to_string(log("node")).unwrap_or_default();
            let logs = self.directory.join("log");
            format!(
                "{}\n(logs of its programs: {})",
                last_lines(&printed),
                logs.display()
            )
        })
    }

    /// Writes the directory of the node: certificates, configuration, links to the programs.
    fn write_files(&self, registry: &str) -> Result<()> {
        let (_, port) = registry.split_once(':').context("a registry has a port")?;
        let Addresses {
            host, node, pods, ..
        } = &self.addresses;
        for (file, place) in FILES {
            let text = fs::read_to_string(source("cluster").join(file))?
                .replace("@REGISTRY@", registry)
                .replace("@CGROUP@", &self.name)
                .replace("@NODE@", node)
                .replace("@PODS@", pods);
            self.write(place, &text)?;
        }
        // Names that begin with the registry's address on this machine are the cluster's too.
        for name in [host, "127.0.0.1"] {
            let hosts = format!("[host.\"http://{host}:{port}\"]\n");
            self.write(&format!("conf/certs.d/{name}:{port}/hosts.toml"), &hosts)?;
        }
        let authority = Authority::new();
        let (server, server_key) = authority.issue(
            &["kubernetes.default.svc", "127.0.0.1", API, node],
            "server",
            "",
        );
        let (admin, admin_key) = authority.issue(&[], "admin", "system:masters");
        let (accounts, accounts_key) = key_pair();
        for (name, text) in [
            ("ca.crt", &authority.pem()),
            ("server.crt", &server),
            ("server.key", &server_key),
            ("admin.crt", &admin),
            ("admin.key", &admin_key),
            ("accounts.pub", &accounts),
            ("accounts.key", &accounts_key),
        ] {
            self.write(&format!("pki/{name}"), text)?;
        }
        for directory in ["bin", "debian", "lib", "log/containers", "netns"] {
            fs::create_dir_all(self.directory.join(directory))?;
        }
        for program in KUBERNETES {
            fs::hard_link(
                target("tools/kube"),
                self.directory.join("bin").join(program),
            )?;
        }
        Ok(())
    }

    fn write(&self, place: &str, text: &str) -> Result<()> {
        let file = self.directory.join(place);
        fs::create_dir_all(file.parent().unwrap_or(&file))?;
        Ok(fs::write(file, text)?)
    }

    /// Removes the link, the cgroups and the files. If the suite was killed, the last processes may
    /// still be ending.
    fn clear(&self) -> Result<()> {
        if Self::obstacle().is_some() {
            return Ok(());
        }
        let name = &self.name;
        let remove = format!(
            "[ ! -e /sys/class/net/{name} ] || ip link delete {name}
            for cgroup in /sys/fs/cgroup/{name} /sys/fs/cgroup/*/{name}; do
                [ ! -e $cgroup ] || find $cgroup -depth -type d -exec rmdir {{}} +
            done
            rm -rf {}",
            self.directory.display()
        );
        retry(PATIENCE, || {
            output(Command::new("sh").args(["-e", "-c", &remove]))
        })
        .map(drop)
    }
}
