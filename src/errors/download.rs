//! What to do about a download that failed.

use std::io::ErrorKind;
use watchexec_release::download::{
    DownloadError, Failure, Fault, Hop, Proxy, StatusCode as Code, TlsFault,
};

pub(super) fn download(error: &DownloadError) -> String {
    let mut text = match &error.fault {
        Fault::File(cause) => {
            let remedy = match cause.kind() {
                ErrorKind::FileTooLarge => TOO_LARGE,
                ErrorKind::PermissionDenied => "Make the file readable for the build user.",
                _ => {
                    "Check that the file exists in the build container. To use a file of the host, \
                     mount it: `pack build --volume`."
                }
            };
            format!("Could not read the archive of watchexec.\n{remedy}")
        }
        Fault::Checksum(_) => {
            let look = match &error.hop {
                Some(_) => {
                    "Open the URL: if the file is only a few kilobytes, a mirror or a proxy has sent \
                     an error page or a sign-in page."
                }
                None => "Replace the file with the archive that buildpack.toml lists.",
            };
            format!(
                "The archive of watchexec has the wrong checksum.\n\
                 {look}\n\
                 If you changed buildpack.toml, compare its `checksum` with the release page of watchexec.\n\
                 Otherwise do not use the file: it was changed in transit or at its source."
            )
        }
        Fault::Request(failure) => {
            let remedy = error.hop.as_ref().map(|hop| of_request(hop, failure));
            let remedy = remedy.unwrap_or_default();
            format!("Could not download watchexec.\n{remedy}")
        }
    };
    let is_server = matches!(error.fault, Fault::Request(_));
    match &error.archive.set_by {
        // Users of a mirror or a mapping should look at that one.
        Some(setting) => text.extend(["\nOr fix or remove ", setting, "."]),
        None if is_server => {
            text += "\nOr set BP_DEPENDENCY_MIRROR to a mirror that the build can reach, or give the archive \
                     a different URL with a binding of type dependency-mapping.";
        }
        None => {}
    }
    if is_server {
        text += "\nOr use the offline package of this buildpack, which contains watchexec.";
    }
    text
}

const TOO_LARGE: &str = "Check that it is a release of watchexec, which is about 3 MB.";

/// What to do about a failed request.
fn of_request(hop: &Hop, failure: &Failure) -> String {
    let server = hop.url.origin();
    match (failure, &hop.proxy) {
        (Failure::Tls(TlsFault::Time(_), server), _) => {
            format!("Renew the certificate of {server}, or correct the clock of this machine.")
        }
        (Failure::Tls(TlsFault::NotTls, other), Some(Proxy { variable, .. })) if *other != server => {
            format!("Write http:// in {variable}.")
        }
        (Failure::Tls(TlsFault::NotTls, _), _) => {
            "Write http:// in the URL, or the port on which the server speaks TLS.".into()
        }
        (Failure::Tls(TlsFault::Ca, _), _) => {
            "Have the CA sign a certificate for the server, or create one that is not a CA \
             certificate (`openssl req -x509 -addext basicConstraints=critical,CA:FALSE`), and add \
             the signer's certificate with a binding of type ca-certificates."
                .into()
        }
        (Failure::Tls(..), _) => {
            "If the server or a proxy has a certificate from a private CA, add the CA certificate with a \
             binding of type ca-certificates."
                .into()
        }
        (Failure::Other(_), Some(Proxy { variable, url: Err(_) })) => {
            format!("Set {variable} to an http or https proxy: http://[user:password@]host[:port].")
        }
        (Failure::Proxy(Code::PROXY_AUTHENTICATION_REQUIRED, _), Some(Proxy { variable, .. })) => {
            format!(
                "Set {variable} with a login that the proxy accepts: http://user:password@host:port."
            )
        }
        (Failure::Proxy(..), Some(proxy)) => format!(
            "Check that the proxy {proxy} allows and reaches {server}, or add the host to NO_PROXY if the \
             build can reach it directly."
        ),
        (Failure::Status(status, ..), _) => match (*status, &hop.login) {
            (Code::UNAUTHORIZED | Code::FORBIDDEN, Some(login)) => {
                format!("Correct the login for {server} in {login}.")
            }
            (Code::UNAUTHORIZED | Code::FORBIDDEN, None) => {
                "Add credentials for this server to the URL or to a netrc file.".into()
            }
            (Code::NOT_FOUND, _) => "Check that the server has a file under this path.".into(),
            (Code::UNAVAILABLE_FOR_LEGAL_REASONS, _) => {
                "Use a server that can send the file to this network.".into()
            }
            _ if failure.is_transient() => "Try again later.".into(),
            _ => "Check that this is the URL of a file.".into(),
        },
        (Failure::TooLarge(_), _) => TOO_LARGE.into(),
        (Failure::Redirect(_), _) => {
            "Follow the redirects with `curl --location --head URL`, and set the URL that they should \
             lead to."
                .into()
        }
        (_, Some(proxy)) => {
            format!("Check that the build can reach the proxy {proxy}, and that the proxy can reach {server}.")
        }
        (_, None) => {
            "Check that the build can reach this server. Behind a proxy, set HTTPS_PROXY.".into()
        }
    }
}
