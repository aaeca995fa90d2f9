//! What GitHub and Gitea have in common: the same paths and words for most of what drift asks.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::api_types::{ApiItem, Comment, Label, RepositoryInfo, User, WebUrls};
use super::body::ProposalText;
use super::error::ForgeError;
use super::http::{ForgeAnswer, ForgeClient, ForgeRequest};
use super::marker::ProposalMarker;
use super::proposal::{ExistingProposal, Preflight, Proposal, ProposalKind, ProposalRef};
use super::settings::ForgeTarget;

/// Most pages of one list that are looked at.
const PAGES: u32 = 100;

/// Longest list that is read, in bytes of all its pages: a forge may send pages that are as large as any answer.
const LIST_BYTES: usize = 128 << 20;

/// How long a repository's first push is waited for.
const FIRST_PUSH_SECONDS: u32 = 15;

/// One repository of a forge over HTTP.
#[derive(Debug)]
pub(super) struct RepositoryApi {
    pub(super) client: ForgeClient,
    /// `/repos/owner/name`.
    pub(super) root: String,
    pub(super) owner: String,
    pub(super) web_urls: WebUrls,
    configured_login: Option<String>,
    /// Whether the token is of a GitHub App, of which the repository tells no permissions.
    is_app: bool,
    login: OnceCell<String>,
}

/// How lists go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paging {
    /// `Link` with `rel="next"` names the next page's parameters.
    Link,
    /// Pages are counted; `X-Total-Count` tells how many rows there are in all.
    Counted,
    /// Pages are counted, and the last one is empty: the header counts the page's own rows.
    UntilEmpty,
}

impl RepositoryApi {
    pub(super) fn new(target: &ForgeTarget, client: ForgeClient, pull: &'static str) -> Self {
        let owner = target.repository.split('/').next().unwrap_or_default().to_owned();
        Self {
            client,
            root: format!("/repos/{}", target.repository),
            owner,
            web_urls: WebUrls { repository: format!("{}/{}", target.web, target.repository), pull },
            configured_login: target.login.clone(),
            is_app: target.token.expose().starts_with("ghs_"),
            login: OnceCell::new(),
        }
    }

    /// Our own login: the forge's word, else the configured one.
    pub(super) async fn login(&self) -> Result<&str, ForgeError> {
        let ask = async || {
            let request = ForgeRequest::get("/user");
            let told = match self.client.json::<User>(&request).await {
                Ok(user) => user.login.filter(|login| !login.is_empty()),
                // A token without the right to read its own user.
                Err(error) if matches!(error.status(), Some(403 | 404)) => None,
                Err(error) => return Err(error),
            };
            told.or_else(|| self.configured_login.clone()).ok_or_else(|| {
                ForgeError::configuration(
                    "the forge does not tell whom this token belongs to, and drift believes only its own proposals",
                    "set `forge.login` in drift.yaml (the GITHUB_TOKEN of a workflow: github-actions[bot]), or let the token read its user",
                )
            })
        };
        self.login.get_or_try_init(ask).await.map(String::as_str)
    }

    /// What we may do, and whether the repository takes proposals at all.
    pub(super) async fn preflight(&self) -> Result<Preflight, ForgeError> {
        let login = self.login().await?.to_owned();
        let repository = self.repository().await?;
        let closed = [
            (repository.archived == Some(true), "is archived: nothing can be proposed there"),
            (
                repository.has_issues == Some(false),
                "has issues switched off: switch them on, drift opens one for what no pull request can end",
            ),
            (repository.has_pull_requests == Some(false), "has pull requests switched off: switch them on"),
        ];
        if let Some((_, why)) = closed.iter().find(|(applies, _)| *applies) {
            return Err(ForgeError::configuration(
                format!("the repository {}", self.web_urls.repository),
                *why,
            ));
        }
        Ok(Preflight {
            login,
            can_push: repository
                .permissions
                .and_then(|permissions| permissions.push)
                .filter(|_| !self.is_app),
            default_branch: repository.default_branch.unwrap_or_else(|| "main".to_owned()),
        })
    }

    /// The repository. Gitea takes the first push in from a queue, and until then has no pull requests: it is waited for.
    async fn repository(&self) -> Result<RepositoryInfo, ForgeError> {
        let mut repository: RepositoryInfo = self.client.json(&ForgeRequest::get(self.root.clone())).await?;
        for _ in 0..FIRST_PUSH_SECONDS {
            if repository.empty != Some(true) {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            repository = self.client.json(&ForgeRequest::get(self.root.clone())).await?;
        }
        Ok(repository)
    }

    /// What `keep` makes of the rows of a list, page by page, of the first [`PAGES`] pages.
    pub(super) async fn rows<T: DeserializeOwned, K>(
        &self,
        first: ForgeRequest,
        paging: Paging,
        keep: impl Fn(T) -> Option<K>,
    ) -> Result<ListRows<K>, ForgeError> {
        let (mut kept, mut seen, mut bytes) = (Vec::new(), 0, 0);
        let mut request = first.clone();
        for page in 1..=PAGES {
            if paging != Paging::Link && page > 1 {
                request = first.clone().query("page", page.to_string());
            }
            let answer = self.client.send(&request).await?;
            bytes += answer.length();
            if bytes > LIST_BYTES {
                let why = format!("the list is longer than {} MiB", LIST_BYTES >> 20);
                return Err(self.client.unreadable(&first, why));
            }
            let before = seen;
            self.client.rows(&request, &answer, |row| {
                seen += 1;
                kept.extend(keep(row));
            })?;
            match next_page(paging, &answer, seen == before, seen) {
                NextPage::End => return Ok(ListRows { rows: kept, is_complete: true }),
                NextPage::Count => {}
                NextPage::Query(query) => request = first.clone().with_query(query),
            }
        }
        Ok(ListRows { rows: kept, is_complete: false })
    }

    /// Our proposals in a list that begins with the newest: of all, its newest pages, and where that is not the whole list
    /// every open one. `list` asks for those of a state.
    pub(super) async fn proposals(
        &self,
        list: impl Fn(&str) -> ForgeRequest,
        (state, paging): (&str, Paging),
        keep: impl Fn(ApiItem) -> Option<ExistingProposal>,
    ) -> Result<Vec<ExistingProposal>, ForgeError> {
        let reduced = |item| keep(item).map(ExistingProposal::without_text);
        let mut rows = self.rows(list(state), paging, reduced).await?;
        if !rows.is_complete {
            let open = self.rows(list("open"), paging, reduced).await?;
            if !open.is_complete {
                let why = format!("the list of what is open has not ended after {PAGES} pages");
                return Err(self.client.unreadable(&list("open"), why));
            }
            rows.rows.extend(open.rows);
        }
        Ok(rows.rows)
    }

    /// One pull request or issue; `None` where it is gone.
    pub(super) async fn item(&self, reference: ProposalRef) -> Result<Option<ApiItem>, ForgeError> {
        let request = ForgeRequest::get(self.path(reference));
        match self.client.find(&request).await? {
            Some(answer) => self.client.decode(&request, &answer).map(Some),
            None => Ok(None),
        }
    }

    /// Makes a bare pull request or issue: what goes with it can fail although it was made.
    pub(super) async fn create(
        &self,
        proposal: &Proposal,
        text: &ProposalText,
    ) -> Result<ExistingProposal, ForgeError> {
        let (title, body) = (&text.title, &text.body);
        let (path, content) = match (proposal.kind, &proposal.branch) {
            (ProposalKind::Issue, _) => ("issues", json!({"title": title, "body": body})),
            (ProposalKind::PullRequest, Some(branch)) => {
                ("pulls", json!({"title": title, "body": body, "head": branch, "base": proposal.base}))
            }
            (ProposalKind::PullRequest, None) => {
                return Err(ForgeError::configuration(
                    format!("the pull request for incident {} has no branch", proposal.incident),
                    "push one first, or open an issue",
                ));
            }
        };
        let request = ForgeRequest::post(format!("{}/{path}", self.root), content);
        let item: ApiItem = self.client.json(&request).await?;
        // What was sent is what stands there; an answer that echoes less is no reason to lose it.
        let mark = ProposalMarker::parse(body)
            .ok_or_else(|| self.client.unreadable(&request, "its mark is gone".to_owned()))?;
        Ok(item.into_existing(mark, proposal.kind, &self.web_urls))
    }

    /// Sets what `content` names.
    pub(super) async fn edit(&self, reference: ProposalRef, content: Value) -> Result<(), ForgeError> {
        self.client.send(&ForgeRequest::patch(self.path(reference), content)).await.map(drop)
    }

    /// Whether a proposal has a comment of which `is` holds.
    pub(super) async fn has_comment(
        &self,
        reference: ProposalRef,
        paging: Paging,
        is: impl Fn(&Comment) -> bool,
    ) -> Result<bool, ForgeError> {
        let size = if paging == Paging::Link { ("per_page", "100") } else { ("limit", "50") };
        let request =
            ForgeRequest::get(format!("{}/comments", self.issue_path(reference))).query(size.0, size.1);
        let found = self.rows(request, paging, |comment| is(&comment).then_some(())).await?;
        Ok(!found.rows.is_empty())
    }

    /// Names of labels that are among the wanted ones.
    pub(super) async fn labels(
        &self,
        request: ForgeRequest,
        paging: Paging,
        wanted: &[String],
    ) -> Result<Vec<Label>, ForgeError> {
        let rows =
            self.rows(request, paging, |label: Label| label.is_one_of(wanted).then_some(label)).await?;
        Ok(rows.rows)
    }

    pub(super) async fn comment(&self, reference: ProposalRef, text: &str) -> Result<(), ForgeError> {
        let request =
            ForgeRequest::post(format!("{}/comments", self.issue_path(reference)), json!({"body": text}));
        self.client.send(&request).await.map(drop)
    }

    /// Gives labels, by name.
    pub(super) async fn label(&self, reference: ProposalRef, labels: &[String]) -> Result<(), ForgeError> {
        let request =
            ForgeRequest::post(format!("{}/labels", self.issue_path(reference)), json!({"labels": labels}));
        self.client.send(&request).await.map(drop)
    }

    /// Makes a label of the repository where `known` has none of that name.
    pub(super) async fn make_label(
        &self,
        name: &str,
        known: &[Label],
        color: &str,
    ) -> Result<(), ForgeError> {
        if known.iter().any(|label| label.has_name(name)) {
            return Ok(());
        }
        let content =
            json!({"name": name, "color": color, "description": "Changes made to the cluster outside Git"});
        match self.client.send(&ForgeRequest::post(format!("{}/labels", self.root), content)).await {
            // Somebody else was first.
            Err(error) if error.may_exist() => Ok(()),
            other => other.map(drop),
        }
    }

    fn path(&self, reference: ProposalRef) -> String {
        match reference.kind {
            ProposalKind::PullRequest => format!("{}/pulls/{}", self.root, reference.number),
            ProposalKind::Issue => self.issue_path(reference),
        }
    }

    /// What a pull request has of an issue (comments, labels, a timeline) is there: these forges count both together.
    pub(super) fn issue_path(&self, reference: ProposalRef) -> String {
        format!("{}/issues/{}", self.root, reference.number)
    }
}

/// What is kept of a list.
pub(super) struct ListRows<K> {
    pub(super) rows: Vec<K>,
    /// Whether its end was reached.
    pub(super) is_complete: bool,
}

enum NextPage {
    End,
    Count,
    Query(Vec<(String, String)>),
}

fn next_page(paging: Paging, answer: &ForgeAnswer, empty: bool, seen: usize) -> NextPage {
    match paging {
        Paging::Link => answer.header("link").and_then(next_link).map_or(NextPage::End, NextPage::Query),
        _ if empty => NextPage::End,
        Paging::UntilEmpty => NextPage::Count,
        Paging::Counted => match answer.header("x-total-count").and_then(|total| total.parse::<usize>().ok())
        {
            Some(total) if seen >= total => NextPage::End,
            _ => NextPage::Count,
        },
    }
}

/// The parameters of the next page. Only they are taken from the address: where to ask is not the answer's to say.
pub(super) fn next_link(header: &str) -> Option<Vec<(String, String)>> {
    let next = header.split(',').find(|part| part.contains("rel=\"next\""))?;
    let address = next.split_once('<')?.1.split_once('>')?.0;
    let (_, query) = address.split_once('?')?;
    Some(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
}
