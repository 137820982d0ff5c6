#!/usr/bin/env bash
# Makes the user that change data capture reads the binary log as. The container of MariaDB runs it when it makes its data; on
# a server that is there already, run the same statements by hand.
password=$(cat "${CDC_PASSWORD_FILE:-/run/secrets/mariadb_cdc_password}")
docker_process_sql <<SQL
CREATE USER IF NOT EXISTS 'cdc'@'%' IDENTIFIED BY '$password';
GRANT SELECT, RELOAD, SHOW DATABASES, REPLICATION SLAVE, BINLOG MONITOR, LOCK TABLES ON *.* TO 'cdc'@'%';
SQL
