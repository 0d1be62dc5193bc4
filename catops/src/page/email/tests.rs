//! Against a mail server that says what a test wants it to say.

use super::*;
use crate::config::secret::SecretRef;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the server answers otherwise than usual, by the beginning of what it is told. `""`: nothing at all.
type Answers = &'static [(&'static str, &'static str)];

struct Server {
    address: std::net::SocketAddr,
    /// Every line it was told.
    told: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn new(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { address: listener.local_addr().unwrap(), told: Arc::default() };
        let told = Arc::clone(&server.told);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(stream, answers, Arc::clone(&told)));
            }
        });
        server
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    fn paging(&self, scheme: &str) -> PagingConfig {
        let email = EmailConfig {
            smtp: format!("{scheme}://{}", self.address),
            from: "CatOps <catops@example.com>".to_owned(),
            user: None,
            password: None,
        };
        PagingConfig { email: Some(email), allow_private: vec!["127.0.0.1".to_owned()], ..PagingConfig::default() }
    }
}

async fn talk(stream: TcpStream, answers: Answers, told: Arc<Mutex<Vec<String>>>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let greeting = answers.iter().find(|(to, _)| to.is_empty()).map_or("220 mail.example.com ESMTP", |(_, said)| said);
    let mut say = greeting.to_owned();
    let mut in_data = false;
    loop {
        if say.is_empty() {
            std::future::pending::<()>().await;
        }
        if say != "-" && write.write_all(format!("{say}\r\n").as_bytes()).await.is_err() {
            return;
        }
        let Ok(Some(line)) = lines.next_line().await else { return };
        told.lock().unwrap().push(line.clone());
        let usual = match line.split([' ', ':']).next().unwrap_or_default() {
            "." => "250 taken",
            _ if in_data => "-",
            "EHLO" => "250-mail.example.com\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN",
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "250 fine",
        };
        in_data = (in_data || line == "DATA") && line != ".";
        let other = answers.iter().find(|(to, _)| !to.is_empty() && line.starts_with(to));
        say = other.filter(|_| !in_data || line == "DATA").map_or(usual, |(_, said)| said).to_owned();
    }
}

fn letter() -> Letter<'static> {
    Letter {
        subject: "INC-42 SEV1: Disk is full\r\nBcc: everybody@example.com".to_owned(),
        text: "INC-42 SEV1: <script>alert(1)</script>\nAcknowledge in Slack".to_owned(),
        acks: vec![("Acknowledge".to_owned(), "https://catops.example.com/ack/42/ana/1/x?\"&")],
        more: "https://catops.example.com/i/42",
        effect_id: "page-by/42/2/ana/email",
    }
}

async fn sent(paging: &PagingConfig) -> Result<(), Untaken> {
    send(paging, "ana@example.com", letter()).await
}

#[tokio::test]
async fn a_page_is_one_message_whose_id_is_the_same_each_time() {
    let server = Server::new(&[]).await;
    let paging = server.paging("smtp+unencrypted");
    assert_eq!(sent(&paging).await, Ok(()));
    assert_eq!(sent(&paging).await, Ok(()));
    let told = server.told();
    let ids: Vec<&String> = told.iter().filter(|line| line.starts_with("Message-ID:")).collect();
    assert!(ids.len() == 2 && ids[0] == ids[1] && ids[0].ends_with("@example.com>"), "a repeat is known: {told:?}");
    assert!(told.contains(&"RCPT TO:<ana@example.com>".to_owned()), "{told:?}");
    assert_eq!(told.iter().filter(|line| line.starts_with("RCPT")).count(), 2, "nobody else is told: {told:?}");
    assert!(!told.iter().any(|line| line.starts_with("Bcc")), "a title begins no header: {told:?}");
    assert!(told.contains(&"Auto-Submitted: auto-generated".to_owned()), "{told:?}");
    let all = told.join("\n").replace("=\n", "");
    assert!(all.contains("text/plain") && all.contains("text/html"), "{all}");
    assert!(all.contains("&lt;script&gt;") && all.contains("x?&quot;&amp;"), "what is foreign is escaped: {all}");
}

#[tokio::test]
async fn what_a_server_refuses_for_good_is_not_asked_again_and_what_it_cannot_do_now_is() {
    let gone = Server::new(&[("RCPT", "550 5.1.1 <ana@example.com> no such user")]).await;
    assert_eq!(
        sent(&gone.paging("smtp+unencrypted")).await,
        Err(Untaken::Never(
            "the mail server answered 550: permanent error (550): 5.1.1 <the mailbox> no such user".to_owned()
        )),
        "and her address does not stand in the log"
    );
    let busy = Server::new(&[("MAIL", "451 4.3.0 try again later")]).await;
    let said = sent(&busy.paging("smtp+unencrypted")).await;
    assert!(matches!(&said, Err(Untaken::Later(why)) if why.contains("451")), "{said:?}");
    assert_eq!(sent(&gone.paging("smtps")).await.map_err(|untaken| matches!(untaken, Untaken::Later(_))), Err(true));
}

#[tokio::test]
async fn a_wrong_password_is_ours_to_put_right_and_a_lost_page_it_is_not() {
    let server = Server::new(&[("AUTH", "535 5.7.8 bad credentials")]).await;
    let mut paging = server.paging("smtp+unencrypted");
    let email = paging.email.as_mut().unwrap();
    email.user = Some(SecretRef::Plain("catops".to_owned()));
    email.password = Some(SecretRef::Plain("hunter2".to_owned()));
    let said = sent(&paging).await;
    assert!(matches!(&said, Err(Untaken::Later(why)) if why.contains("535") && !why.contains("hunter2")), "{said:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_told_nothing() {
    let server = Server::new(&[]).await;
    let said = sent(&server.paging("smtp")).await;
    assert!(matches!(&said, Err(Untaken::Later(_))), "{said:?}");
    let told = server.told();
    assert!(!told.iter().any(|line| line.starts_with("MAIL") || line.starts_with("AUTH")), "{told:?}");
}

#[tokio::test]
async fn a_server_that_hangs_costs_one_attempt() {
    for answers in [&[("", "")][..], &[("EHLO", "")], &[("RCPT", "")]] {
        let server = Server::new(answers).await;
        let began = clock::mark();
        let said = sent(&server.paging("smtp+unencrypted")).await;
        assert!(matches!(&said, Err(Untaken::Later(_))), "{said:?}");
        assert!(began.elapsed() < SEND_MAX + Duration::from_secs(3), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_private_address_is_not_called_unless_it_is_listed() {
    let server = Server::new(&[]).await;
    let mut paging = server.paging("smtp+unencrypted");
    paging.allow_private.clear();
    let said = sent(&paging).await;
    assert!(matches!(&said, Err(Untaken::Later(why)) if why.contains("allow_private under [paging]")), "{said:?}");
    assert_eq!(server.told(), [] as [String; 0]);
}

#[test]
fn a_server_that_could_not_be_used_is_told_when_it_is_written() {
    let config = |smtp: &str| EmailConfig {
        smtp: smtp.to_owned(),
        from: "CatOps <catops@example.com>".to_owned(),
        user: None,
        password: None,
    };
    for good in ["smtps://mail.example.com", "smtp://mail.example.com:2587", "smtp+unencrypted://127.0.0.1:25"] {
        assert_eq!(check(&config(good)), Ok(()), "{good}");
    }
    for bad in [
        "mail.example.com",
        "http://mail.example.com",
        "smtps://a:b@mail.example.com",
        "smtp+unencrypted://mail.example.com",
    ] {
        assert!(check(&config(bad)).is_err_and(|why| why.starts_with("paging.email.smtp")), "{bad}");
    }
    let from = EmailConfig { from: "CatOps".to_owned(), ..config("smtps://mail.example.com") };
    assert!(check(&from).is_err_and(|why| why.contains("paging.email.from is \"CatOps\"")));
    let half = EmailConfig { user: Some(SecretRef::Env("U".to_owned())), ..config("smtps://mail.example.com") };
    assert!(check(&half).is_err_and(|why| why.contains("only one of user and password")));
}
