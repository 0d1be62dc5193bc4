#!/usr/bin/env bash
# Packs CatOps with a configuration folder and brings it into an AWS account, by the AWS CLI alone. Doing it again updates
# what is there; what has not changed is left as it is, and the data and the secrets are never touched by an update.
#
#   infra/deploy.sh --config FOLDER                     packs and deploys
#   infra/deploy.sh --config FOLDER --secrets           ... and writes the secrets: from the environment, else it asks
#   infra/deploy.sh --config FOLDER --plan              says what it would do, and does nothing
#   infra/deploy.sh --code KEY                          deploys a package that is in the bucket already: rolls back
#   infra/deploy.sh --config FOLDER --package-only ZIP  packs, and asks AWS nothing
#
#   --binary FILE        the executable for Lambda (default: target/lambda/catops-lambda)
#   --catops FILE        one that runs here, for `lint` and `index build` (default: target/release/catops, else catops of the PATH)
#   --stack NAME         default: catops
#   --region REGION      default: that of the AWS CLI
#   --bucket NAME        of the packages (default: catops-code-ACCOUNT-REGION; made when it is not there)
#   --parameter NAME=VALUE   of infra/template.yaml, as often as needed; what is not given stays as it was
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
template="$here/template.yaml"
target="${CARGO_TARGET_DIR:-$here/../target}"
build='cargo build --locked --profile lambda -p catops --bin catops-lambda --features aws'

# Lambda's limit of what a package holds, unpacked.
package_bytes_max=262144000
# The C library of provided.al2023.
glibc_max=2.34

config='' binary='' catops='' stack=catops region='' bucket='' code='' package_only=''
plan=false secrets=false
parameters=()

say() { printf '%s\n' "$*" >&2; }
refuse() { say "deploy.sh: $1"; [ -z "${2:-}" ] || say "  $2"; exit 1; }
usage() { sed -n '2,/^set -euo/p' "${BASH_SOURCE[0]}" | sed '$d; s/^# \{0,1\}//' >&2; exit 2; }

while [ $# -gt 0 ]; do
  case "$1" in
  --plan) plan=true; shift; continue ;;
  --secrets) secrets=true; shift; continue ;;
  -h | --help) usage ;;
  esac
  [ $# -ge 2 ] || usage
  case "$1" in
  --config) config=$2 ;;
  --binary) binary=$2 ;;
  --catops) catops=$2 ;;
  --stack) stack=$2 ;;
  --region) region=$2 ;;
  --bucket) bucket=$2 ;;
  --code) code=$2 ;;
  --parameter) parameters+=("$2") ;;
  --package-only) package_only=$2 ;;
  *) usage ;;
  esac
  shift 2
done

[[ $stack =~ ^[a-z][a-z0-9-]{0,39}$ ]] || refuse "--stack $stack" "a stack is named in small letters, digits and dashes, 40 at most"
for parameter in "${parameters[@]+"${parameters[@]}"}"; do
  [[ $parameter =~ ^[A-Za-z]+= ]] || refuse "--parameter $parameter" "write NAME=VALUE"
done
[ -z "$code" ] || [ -z "$config" ] || refuse "--code and --config" "--code deploys a package that is there, --config packs a new one"
[ -n "$code" ] || [ -n "$config" ] || usage
! $secrets || [ -n "$config" ] || refuse "--secrets without --config" "the configuration says which secrets there are"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# ---- The package ----------------------------------------------------------------------------------------------------

# x86_64 or arm64, by the machine in an ELF file's header.
architecture_of() {
  case "$(od -An -tx1 -N20 "$1" | tr -d ' \n')" in
  7f454c46*3e00) echo x86_64 ;;
  7f454c46*b700) echo arm64 ;;
  *) return 1 ;;
  esac
}

# The newest version of the C library that a file asks for.
glibc_of() { grep -aoE 'GLIBC_2\.[0-9]+' "$1" | sed 's/GLIBC_//' | sort -uV | tail -n 1; }

check_binary() {
  binary="${binary:-$target/lambda/catops-lambda}"
  [ -f "$binary" ] || refuse "$binary is not there" "build it: $build"
  architecture="$(architecture_of "$binary")" || refuse "$binary is no Linux executable for x86_64 or arm64" "build it for Linux: $build"
  local glibc
  glibc="$(glibc_of "$binary" || true)"
  if [ -n "$glibc" ] && [ "$(printf '%s\n' "$glibc" "$glibc_max" | sort -V | tail -n 1)" != "$glibc_max" ]; then
    refuse "$binary needs glibc $glibc, and Lambda has $glibc_max" "build it on an older Linux, such as Debian 12"
  fi
}

# One that runs on this machine: what is packed is for Lambda alone, and may be for another processor.
find_catops() {
  if [ -z "$catops" ]; then
    catops="$target/release/catops"
    [ -x "$catops" ] || catops="$(command -v catops || echo "$catops")"
  fi
  catops="$(realpath -m "$(command -v "$catops" || echo "$catops")")"
  "$catops" --version >/dev/null 2>&1 || refuse "$catops does not run here" "name a catops of this machine with --catops, or build one: cargo build --locked --release -p catops"
}

check_config() {
  [ -f "$config/catops.toml" ] || refuse "$config is no configuration folder: it has no catops.toml" "catops init $config"
  "$catops" lint "$config" >"$work/lint" 2>&1 || {
    cat "$work/lint" >&2
    refuse "catops lint refuses $config" "mend what it says, then run this again"
  }
}

# What is packed, by name and content. The index is made from it, and is not asked.
content_hash() { (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) | sha256sum | cut -c1-16; }

# Lays the index over the runbooks. Each half of it is one segment with a random name, which would make each package another
# one: it is named after the content. What only a writer of the index needs stays away: nobody writes in a function.
bake() {
  local half
  "$catops" index build config >"$work/index" 2>&1 || { cat "$work/index" >&2; refuse "the index of the runbooks cannot be built"; }
  for half in config/.index/words config/.index/phrases; do name_segment "$half" "$hash$hash"; done
}
name_segment() {
  local folder="$1" name="$2" segment file
  rm -f "$folder/.managed.json" "$folder"/.tantivy-*.lock
  segment="$(basename "$folder"/*.idx .idx)"
  [[ $segment =~ ^[0-9a-f]{32}$ ]] || return 0
  for file in "$folder/$segment".*; do mv "$file" "$folder/$name.${file##*.}"; done
  sed -i "s/$(dashed "$segment")/$(dashed "$name")/" "$folder/meta.json"
}
dashed() { sed -E 's/^(.{8})(.{4})(.{4})(.{4})/\1-\2-\3-\4-/' <<<"$1"; }

# Lays out bootstrap and config/ in $work/package, and packs it into $work/package.zip: sorted, one time for all files.
pack() {
  command -v zip >/dev/null || refuse "zip is not installed" "apt-get install zip, or the like"
  local package="$work/package"
  mkdir -p "$package/config"
  cp "$binary" "$package/bootstrap"
  # Without git's and editors' files, and without an old index.
  (cd "$config" && find . -type f ! -path '*/.*' -print0 | LC_ALL=C sort -z | tar --null -T - -cf -) | tar -xf - -C "$package/config"
  hash="$(content_hash "$package")"
  (cd "$package" && bake)
  find "$package" -type d -exec chmod 755 {} +
  find "$package" -type f -exec chmod 644 {} +
  chmod 755 "$package/bootstrap"
  find "$package" -exec touch -h -d '1980-01-01T00:00:00Z' {} +
  (cd "$package" && find . -type f | sed 's|^\./||' | LC_ALL=C sort | TZ=UTC zip -X -D -q -9 "$work/package.zip" -@)
  local bytes
  bytes="$(find "$package" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')"
  [ "$bytes" -le "$package_bytes_max" ] || refuse "the package holds $bytes bytes, and Lambda takes $package_bytes_max" "build a smaller one: $build"
  say "packed: $(stat -c %s "$work/package.zip") bytes, $architecture, $(cat "$work/index")"
}

# ---- AWS ------------------------------------------------------------------------------------------------------------

check_aws() {
  command -v aws >/dev/null || refuse "the AWS CLI is not installed" "docs.aws.amazon.com/cli, \"Installing\""
  region="${region:-${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}}"
  [ -n "$region" ] || refuse "no region" "say --region eu-west-1, or the like"
  export AWS_REGION="$region" AWS_DEFAULT_REGION="$region" AWS_PAGER=''
  account="$(aws sts get-caller-identity --query Account --output text 2>"$work/sts")" || {
    cat "$work/sts" >&2
    refuse "AWS does not know who you are" "aws configure, aws sso login, or set AWS_PROFILE"
  }
  bucket="${bucket:-catops-code-$account-$region}"
}

make_bucket() {
  if aws s3api head-bucket --bucket "$bucket" >/dev/null 2>&1; then return; fi
  say "making the bucket $bucket"
  local place=()
  [ "$region" = us-east-1 ] || place=(--create-bucket-configuration "LocationConstraint=$region")
  aws s3api create-bucket --bucket "$bucket" "${place[@]+"${place[@]}"}" >/dev/null
  aws s3api put-public-access-block --bucket "$bucket" --public-access-block-configuration \
    'BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true'
}

has_object() { aws s3api head-object --bucket "$bucket" --key "$1" >/dev/null 2>&1; }

upload() {
  has_object "$code" && { say "the package is there already: $code"; return; }
  say "uploading $code"
  aws s3 cp --quiet "$work/package.zip" "s3://$bucket/$code"
}

# One value of the stack; nothing when there is none.
stack_value() {
  local value
  value="$(aws cloudformation describe-stacks --stack-name "$stack" --query "Stacks[0].$1" --output text 2>/dev/null)" || return 0
  [ "$value" = None ] || printf '%s' "$value"
}
output() { stack_value "Outputs[?OutputKey=='$1'].OutputValue | [0]"; }
parameter_now() { stack_value "Parameters[?ParameterKey=='$1'].ParameterValue | [0]"; }

deploy_stack() {
  aws cloudformation deploy --stack-name "$stack" --template-file "$template" --capabilities CAPABILITY_IAM \
    --s3-bucket "$bucket" --s3-prefix "$stack/template" --no-fail-on-empty-changeset --parameter-overrides "$@" >&2
}

# ---- Secrets --------------------------------------------------------------------------------------------------------

slack_names=(SLACK_BOT_TOKEN SLACK_SIGNING_SECRET)

# What the configuration names as env:NAME, without Slack's.
source_names() {
  find "$config" -name '*.toml' ! -path '*/.*' -exec sed 's/^[[:space:]]*#.*//' {} + |
    grep -oE 'env:[A-Za-z_][A-Za-z0-9_]*' | sed 's/^env://' | grep -vxE 'SLACK_BOT_TOKEN|SLACK_SIGNING_SECRET' | LC_ALL=C sort -u || true
}

# A JSON object of the variables that are named; asks for those that the environment lacks.
json_of() {
  local name value between=''
  printf '{'
  for name in "$@"; do
    value="${!name:-}"
    if [ -z "$value" ]; then
      [ -t 0 ] || refuse "$name is not in the environment, and there is nobody to ask" "export $name, then run this again"
      read -rsp "$name: " value
      say
      [ -n "$value" ] || refuse "$name is empty"
    fi
    [[ $value != *[[:cntrl:]]* ]] || refuse "$name holds a line end or the like" "secrets are one line"
    value="${value//\\/\\\\}"
    printf '%s"%s":"%s"' "$between" "$name" "${value//\"/\\\"}"
    between=,
  done
  printf '}'
}

# Writes one secret, and prints its version. By the standard input: what is in an argument, others of this machine can read.
write_secret() {
  aws secretsmanager put-secret-value --secret-id "$1" --secret-string file:///dev/stdin --query VersionId --output text
}

write_secrets() {
  local slack sources names version
  mapfile -t names < <(source_names)
  slack="$(json_of "${slack_names[@]}")"
  sources="$(json_of "${names[@]+"${names[@]}"}")"
  version="$(write_secret "$(output SlackSecretArn)" <<<"$slack" | cut -c1-8)"
  version="$version-$(write_secret "$(output SourcesSecretArn)" <<<"$sources" | cut -c1-8)"
  say "wrote the secrets: ${slack_names[*]} ${names[*]+"${names[*]}"}"
  # A function reads them when it starts; this starts all anew.
  deploy_stack "SecretsVersion=$version"
}

# ---- What is done ---------------------------------------------------------------------------------------------------

tell_plan() {
  say "stack $stack in ${region:-the region of the AWS CLI}, by infra/template.yaml"
  say "package: ${bucket:-catops-code-ACCOUNT-REGION}/$code"
  for parameter in "${parameters[@]+"${parameters[@]}"}"; do say "parameter: $parameter"; done
  if $secrets; then say "secrets: ${slack_names[*]} $(source_names | tr '\n' ' ')"; fi
  say "nothing was done; without --plan it is"
}

tell_next() {
  local url
  url="$(output PublicUrl)"
  cat <<END

$stack is deployed.
  HTTP API      $url
  table         $(output TableName)
  alarm topic   $(output AlarmTopicArn)
  page topic    $(output PageTopicArn)
  dashboard     $(output DashboardUrl)
  package       $code

Next:
  1. Slack: catops slack manifest --url $url
     prints the app; paste it under "Create New App, From a manifest".
  2. Secrets, if you have not: run this again with --secrets.
  3. Look: curl $url/healthz
  4. Read the log: catops incidents --data dynamodb:$(output TableName)
END
  [ -n "$(parameter_now OperatorEmail)" ] ||
    echo "  5. Nobody is told when CatOps itself is not well: run this again with --parameter OperatorEmail=you@example.com"
  [ -z "$before" ] || [ "$before" = "$code" ] || echo "  To go back: infra/deploy.sh --stack $stack --code $before"
}

if [ -n "$config" ]; then
  check_binary
  find_catops
  check_config
  pack
  code="$stack/$hash.zip"
  parameters+=("Architecture=$architecture")
fi
if [ -n "$package_only" ]; then
  cp "$work/package.zip" "$package_only"
  exit 0
fi
if $plan; then
  tell_plan
  exit 0
fi
check_aws
before="$(parameter_now CodeKey)"
make_bucket
if [ -n "$config" ]; then upload; else
  has_object "$code" || refuse "$code is not in $bucket" "aws s3 ls s3://$bucket/$stack/ lists what is"
fi
deploy_stack "CodeBucket=$bucket" "CodeKey=$code" "${parameters[@]+"${parameters[@]}"}"
if $secrets; then write_secrets; fi
tell_next
