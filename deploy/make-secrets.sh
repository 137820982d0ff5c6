#!/usr/bin/env bash
# Makes the passwords and tokens that docker-compose.yml mounts, each once; those that are there are kept.
# The folder is closed to others; the files are not, since the containers read them as users of their own.
set -euo pipefail
folder=${1:-$(dirname "${BASH_SOURCE[0]}")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"
for name in http_token mqtt_password mariadb_password mariadb_root_password mariadb_cdc_password influxdb_password influxdb_token; do
  file=$folder/$name.txt
  if [[ -s $file ]]; then continue; fi
  head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' > "$file"
  chmod 644 "$file"
  echo "made $file"
done
