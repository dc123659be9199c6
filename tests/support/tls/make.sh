#!/bin/sh
# Makes the certificates of the TLS tests anew, into this folder. Needs openssl 3.
# Every key is an EC key on P-256. Nothing here is trusted outside the tests, and the authority's
# own key is thrown away. `openssl ca` is used throughout, as it alone takes a first day.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/ca.conf" <<END
[ca]
default_ca = it
[it]
database = $work/index
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
END

newkey() {
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"
}

# issue <out> <key> <name> <extensions> <last day> <how to sign ...>
issue() {
  out=$1 key=$2 name=$3 extensions=$4 last=$5
  shift 5
  openssl req -new -key "$key" -subj "/CN=$name" -out "$work/req"
  printf '%s\n' "$extensions" >"$work/ext"
  : >"$work/index"
  openssl ca -batch -config "$work/ca.conf" -in "$work/req" -extfile "$work/ext" -notext \
    -startdate 20200101000000Z -enddate "$last" -out "$out" "$@" 2>"$work/log" ||
    { cat "$work/log" >&2; exit 1; }
}

late=21200101000000Z
names="subjectAltName=DNS:localhost,DNS:example.test,IP:127.0.0.1,IP:::1"

newkey "$work/ca.key"
issue ca.pem "$work/ca.key" "Plumb test authority" \
  "basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash" "$late" -selfsign -keyfile "$work/ca.key"
by_ca="-cert ca.pem -keyfile $work/ca.key"

newkey server.key
# shellcheck disable=SC2086 # several words
issue server.pem server.key localhost "$names
extendedKeyUsage=serverAuth" "$late" $by_ca
# shellcheck disable=SC2086
issue expired.pem server.key localhost "$names
extendedKeyUsage=serverAuth" 20200102000000Z $by_ca

newkey client.key
# shellcheck disable=SC2086
issue client.pem client.key client "extendedKeyUsage=clientAuth" "$late" $by_ca

# Signed by nobody but itself: good for the right names, and known to no one.
newkey stranger.key
issue stranger.pem stranger.key stranger "$names" "$late" -selfsign -keyfile stranger.key
chmod 644 ./*.key
