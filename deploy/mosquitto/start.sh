#!/bin/sh
# Makes the password file out of the secret, since Mosquitto takes hashes only, and becomes Mosquitto.
set -eu
passwords=${MOSQUITTO_PASSWORDS:-/mosquitto/passwords}
secret=${MOSQUITTO_SECRET:-/run/secrets/mqtt_password}
user=${MOSQUITTO_USER:-brook}
umask 077
: > "$passwords"
mosquitto_passwd -b "$passwords" "$user" "$(cat "$secret")"
# Mosquitto gives up root before it reads the file.
if [ "$(id -u)" = 0 ]; then chown mosquitto:mosquitto "$passwords"; fi
exec mosquitto -c "${MOSQUITTO_CONFIG:-/mosquitto/config/mosquitto.conf}"
