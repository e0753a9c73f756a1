//! By whom the scheduler sends notices: the options of `serve` about it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use courier::{
    Courier, Encryption, Files, Notify, NotifyConfig, NotifyKey, Secret, Smtp, SmtpConfig, TemplateId, TemplateIds,
    Texts,
};
use ods_api::BaseUrl;
use rollout::dispatch::Preferences;
use rollout::state::{Carrier, Means};
use rollout_scheduler::NoticesConfig;

/// The key itself, where no file holds it. It is no option: whoever lists processes would read it.
const NOTIFY_KEY_VARIABLE: &str = "CITIZENS_ACCESS_NOTIFY_API_KEY";

/// The mail server's password, likewise.
const SMTP_PASSWORD_VARIABLE: &str = "CITIZENS_ACCESS_SMTP_PASSWORD";

const NOTIFY_ADDRESS: &str = "https://api.notifications.service.gov.uk";

/// For all of one e-mail: a mail server may greet slowly on purpose.
const SMTP_TIMEOUT_S: u64 = 60;

#[derive(Args, Clone, Debug)]
pub(crate) struct NoticeArguments {
    /// Send notices to practices' e-mail addresses by this; without it, people record what they sent themselves
    #[arg(long, env = "CITIZENS_ACCESS_NOTICES_EMAIL", value_enum, value_name = "CARRIER")]
    notices_email: Option<EmailCarrier>,
    /// Send notices to practices' postal addresses by this, where there is no e-mail address or it is wrong
    #[arg(long, env = "CITIZENS_ACCESS_NOTICES_POST", value_enum, value_name = "CARRIER")]
    notices_post: Option<PostCarrier>,
    /// Roles of contacts, the preferred first, separated by commas; any contact where it is left out
    #[arg(long, value_name = "ROLES", value_delimiter = ',')]
    notices_roles: Vec<String>,
    /// A folder with texts of your own: email-first.txt, email-moved.txt, letter-first.txt, letter-moved.txt; for smtp and
    /// files, since GOV.UK Notify has its own templates
    #[arg(long, value_name = "DIR")]
    notices_texts: Option<PathBuf>,
    /// Where files of notices are written
    #[arg(long, value_name = "DIR")]
    notices_folder: Option<PathBuf>,
    /// Where GOV.UK Notify is, where not at its own address
    #[arg(long, env = "CITIZENS_ACCESS_NOTIFY_URL", value_name = "URL")]
    notify_url: Option<BaseUrl>,
    /// A file that holds the key for GOV.UK Notify; or set CITIZENS_ACCESS_NOTIFY_API_KEY
    #[arg(long, env = "CITIZENS_ACCESS_NOTIFY_API_KEY_FILE", value_name = "FILE")]
    notify_api_key_file: Option<PathBuf>,
    /// A template of GOV.UK Notify: email-first=UUID, email-moved=…, letter-first=…, letter-moved=…; once for each
    #[arg(long = "notify-template", value_name = "TEXT=UUID")]
    notify_templates: Vec<Template>,
    /// Requests to GOV.UK Notify a second, at most; it takes 3,000 a minute
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=50))]
    notify_requests_per_second: u32,
    /// The mail server: smtps://mail.example.org, smtp://mail.example.org:587 (STARTTLS), or in the clear
    /// smtp://127.0.0.1:25 on this machine alone
    #[arg(long, env = "CITIZENS_ACCESS_SMTP_URL", value_name = "URL")]
    smtp_url: Option<Unread>,
    /// Who e-mails are from, such as "Programme <programme@example.org>"; what cannot be delivered comes back there
    #[arg(long, env = "CITIZENS_ACCESS_SMTP_FROM", value_name = "SENDER")]
    smtp_from: Option<String>,
    /// By which name we log in to the mail server
    #[arg(long, env = "CITIZENS_ACCESS_SMTP_USER", value_name = "NAME")]
    smtp_user: Option<String>,
    /// A file that holds the password for the mail server; or set CITIZENS_ACCESS_SMTP_PASSWORD
    #[arg(long, env = "CITIZENS_ACCESS_SMTP_PASSWORD_FILE", value_name = "FILE")]
    smtp_password_file: Option<PathBuf>,
}

/// Who carries e-mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EmailCarrier {
    /// GOV.UK Notify; wants a key and templates
    Notify,
    /// A mail server
    Smtp,
    /// Files, for whoever sends them by means of their own
    Files,
}

/// Who carries letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PostCarrier {
    /// GOV.UK Notify; wants a key and templates
    Notify,
    /// Files, for whoever prints and posts them
    Files,
}

impl EmailCarrier {
    fn carrier(self) -> Carrier {
        match self {
            Self::Notify => Carrier::Notify,
            Self::Smtp => Carrier::Smtp,
            Self::Files => Carrier::Files,
        }
    }
}

impl PostCarrier {
    fn carrier(self) -> Carrier {
        match self {
            Self::Notify => Carrier::Notify,
            Self::Files => Carrier::Files,
        }
    }
}

/// `email-first=f33517ff-2a88-4f6e-b855-c550268ce08a`.
#[derive(Clone, Debug)]
struct Template {
    text: String,
    id: TemplateId,
}

impl FromStr for Template {
    type Err = anyhow::Error;

    fn from_str(given: &str) -> anyhow::Result<Self> {
        let (text, id) = given.split_once('=').with_context(|| format!("{given:?} is not TEXT=UUID"))?;
        ensure!(
            ["email-first", "email-moved", "letter-first", "letter-moved"].contains(&text),
            "{text:?} is no text of a notice: email-first, email-moved, letter-first or letter-moved"
        );
        Ok(Self { text: text.to_owned(), id: id.parse()? })
    }
}

/// An address as it was given. The command line's own parser does not read it: it would repeat a password that somebody has
/// put into it.
#[derive(Clone)]
struct Unread(String);

impl From<String> for Unread {
    fn from(given: String) -> Self {
        Self(given)
    }
}

impl fmt::Debug for Unread {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Unread")
    }
}

/// Where a mail server is, and how what is said to it is kept from others.
#[derive(Clone, Debug, PartialEq, Eq)]
struct MailAddress {
    host: String,
    port: u16,
    encryption: Encryption,
}

impl FromStr for MailAddress {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (scheme, rest) = text.split_once("://").context("it is no address like smtps://mail.example.org")?;
        ensure!(!rest.contains('@'), "it holds a user; give the name by --smtp-user and the password by a file");
        let rest = rest.trim_end_matches('/');
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse::<u16>().context("its port is no number of one")?)),
            None => (rest, None),
        };
        ensure!(!host.is_empty() && !host.contains('/'), "it names no host");
        let is_here =
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        let (encryption, usual) = match scheme {
            "smtps" => (Encryption::Tls, 465),
            "smtp" if is_here => (Encryption::None, 25),
            "smtp" => (Encryption::StartTls, 587),
            _ => bail!("it begins with neither smtps:// nor smtp://"),
        };
        Ok(Self { host: host.to_owned(), port: port.unwrap_or(usual), encryption })
    }
}

impl NoticeArguments {
    /// Are any to be sent?
    pub(crate) fn is_given(&self) -> bool {
        self.notices_email.is_some() || self.notices_post.is_some()
    }

    /// To whom notices are sent, and by whom; None where none are.
    pub(crate) fn config(&self) -> anyhow::Result<Option<NoticesConfig>> {
        let email = self.notices_email.map(|carrier| (Means::Email, carrier.carrier()));
        let post = self.notices_post.map(|carrier| (Means::Post, carrier.carrier()));
        let means: Vec<(Means, Carrier)> = [email, post].into_iter().flatten().collect();
        if means.is_empty() {
            return Ok(None);
        }
        let mut couriers: BTreeMap<Carrier, Arc<dyn Courier>> = BTreeMap::new();
        for (_, carrier) in &means {
            if !couriers.contains_key(carrier) {
                couriers.insert(*carrier, self.courier(*carrier)?);
            }
        }
        Ok(Some(NoticesConfig { preferences: Preferences { means, roles: self.notices_roles.clone() }, couriers }))
    }

    /// In words; without any secret.
    pub(crate) fn in_words(&self) -> String {
        let mut words = Vec::new();
        if let Some(carrier) = self.notices_email {
            words.push(format!("e-mails by {}", self.carrier_in_words(carrier.carrier())));
        }
        if let Some(carrier) = self.notices_post {
            words.push(format!("letters by {}", self.carrier_in_words(carrier.carrier())));
        }
        format!("notices are sent: {}", words.join("; "))
    }

    fn carrier_in_words(&self, carrier: Carrier) -> String {
        match carrier {
            Carrier::Notify => {
                let base = self.notify_url.as_ref().map_or_else(|| NOTIFY_ADDRESS.to_owned(), ToString::to_string);
                format!("GOV.UK Notify at {base}")
            }
            Carrier::Smtp => {
                let server = self.mail_address().ok().map(|server| format!("{}:{}", server.host, server.port));
                format!("the mail server {}", server.unwrap_or_default())
            }
            Carrier::Files => {
                format!("files in {}", self.notices_folder.as_deref().unwrap_or(std::path::Path::new("")).display())
            }
        }
    }

    fn courier(&self, carrier: Carrier) -> anyhow::Result<Arc<dyn Courier>> {
        Ok(match carrier {
            Carrier::Notify => Arc::new(self.notify()?),
            Carrier::Smtp => Arc::new(self.smtp()?),
            Carrier::Files => {
                let folder =
                    self.notices_folder.clone().context("say where files of notices go: --notices-folder DIR")?;
                ensure!(folder.is_dir(), "{} is no folder: make it first", folder.display());
                Arc::new(Files::new(folder, self.texts()?))
            }
        })
    }

    fn notify(&self) -> anyhow::Result<Notify> {
        let base = match &self.notify_url {
            Some(base) => base.clone(),
            None => NOTIFY_ADDRESS.parse()?,
        };
        let key = match &self.notify_api_key_file {
            Some(file) => NotifyKey::from_file(file)?,
            None => {
                let key = variable(NOTIFY_KEY_VARIABLE)?;
                let missing = "GOV.UK Notify wants a key: --notify-api-key-file FILE";
                NotifyKey::new(&key.context(missing)?, NOTIFY_KEY_VARIABLE)?
            }
        };
        let templates = |kind: &str, is_used: bool| -> anyhow::Result<Option<TemplateIds>> {
            if !is_used {
                return Ok(None);
            }
            Ok(Some(TemplateIds {
                first: self.template(&format!("{kind}-first"))?,
                moved: self.template(&format!("{kind}-moved"))?,
            }))
        };
        Ok(Notify::new(NotifyConfig {
            email: templates("email", self.notices_email == Some(EmailCarrier::Notify))?,
            letter: templates("letter", self.notices_post == Some(PostCarrier::Notify))?,
            requests_per_second: self.notify_requests_per_second,
            ..NotifyConfig::new(base, key)
        })?)
    }

    fn template(&self, text: &str) -> anyhow::Result<TemplateId> {
        let mut named = self.notify_templates.iter().filter(|template| template.text == text);
        let id = named.next().with_context(|| format!("name its template: --notify-template {text}=UUID"))?.id.clone();
        ensure!(named.next().is_none(), "--notify-template {text}=… is given twice");
        Ok(id)
    }

    fn smtp(&self) -> anyhow::Result<Smtp> {
        let MailAddress { host, port, encryption } = self.mail_address()?;
        let from = self.smtp_from.as_ref().context("say who e-mails are from: --smtp-from SENDER")?;
        let login = match &self.smtp_user {
            None => None,
            Some(name) => Some((name.clone(), self.smtp_password()?)),
        };
        let timeout = std::time::Duration::from_secs(SMTP_TIMEOUT_S);
        let (from, texts) = (Smtp::sender(from)?, self.texts()?);
        Ok(Smtp::new(SmtpConfig { host, port, encryption, login, from, texts, timeout })?)
    }

    fn mail_address(&self) -> anyhow::Result<MailAddress> {
        let Unread(given) = self.smtp_url.as_ref().context("say where it is: --smtp-url URL")?;
        given.parse().context("--smtp-url cannot be used")
    }

    fn smtp_password(&self) -> anyhow::Result<Secret> {
        if let Some(file) = &self.smtp_password_file {
            return Ok(Secret::from_file(file)?);
        }
        let password = variable(SMTP_PASSWORD_VARIABLE)?;
        Ok(Secret::new(
            &password.context("--smtp-user wants a password: --smtp-password-file FILE")?,
            SMTP_PASSWORD_VARIABLE,
        )?)
    }

    fn texts(&self) -> anyhow::Result<Texts> {
        match &self.notices_texts {
            None => Ok(Texts::standard()),
            Some(folder) => {
                ensure!(folder.is_dir(), "{} is no folder of texts", folder.display());
                Ok(Texts::from_folder(folder)?)
            }
        }
    }
}

/// A variable of the environment; None where it is not set.
fn variable(name: &str) -> anyhow::Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => bail!("{name} is no text"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(host: &str, port: u16, encryption: Encryption) -> MailAddress {
        MailAddress { host: host.to_owned(), port, encryption }
    }

    #[test]
    fn a_mail_server_is_spoken_to_in_the_clear_on_this_machine_alone() {
        for (text, expected) in [
            ("smtps://mail.example.org", mail("mail.example.org", 465, Encryption::Tls)),
            ("smtp://mail.example.org/", mail("mail.example.org", 587, Encryption::StartTls)),
            ("smtp://mail.example.org:25", mail("mail.example.org", 25, Encryption::StartTls)),
            ("smtp://127.0.0.1:2525", mail("127.0.0.1", 2_525, Encryption::None)),
            ("smtp://localhost", mail("localhost", 25, Encryption::None)),
        ] {
            assert_eq!(text.parse::<MailAddress>().unwrap(), expected, "{text}");
        }
        for bad in ["mail.example.org", "http://mail.example.org", "smtps://", "smtps://mail.example.org:mail"] {
            assert!(bad.parse::<MailAddress>().is_err(), "{bad}");
        }
        let said = "smtps://me:s3cret@mail.example.org".parse::<MailAddress>().unwrap_err().to_string();
        assert!(!said.contains("s3cret"), "{said}");
    }

    #[test]
    fn a_template_is_named_by_its_text_and_its_id() {
        assert!("email-first=f33517ff-2a88-4f6e-b855-c550268ce08a".parse::<Template>().is_ok());
        for bad in ["email-first", "email-first=7", "email-last=f33517ff-2a88-4f6e-b855-c550268ce08a"] {
            assert!(bad.parse::<Template>().is_err(), "{bad}");
        }
    }
}
