/* SPDX-License-Identifier: MIT */
#include "cli/address.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static int check_path(const char *url, const char *path, struct diag *d)
{
    const size_t most = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    if (path[0] == '\0')
        return diag_fail(d, SHEAF_EINVAL, "'%s' names no socket; give ipc://PATH", url);
    if (strlen(path) > most)
        return diag_fail(d, SHEAF_EINVAL, "'%.40s...': the path of a socket has at most %zu bytes; give a shorter one",
                         url, most);
    return SHEAF_OK;
}

static bool port_ok(const char *port, bool listen)
{
    size_t digits = strspn(port, "0123456789");
    if (listen && strcmp(port, "*") == 0)
        return true;
    if (digits == 0 || digits > 5 || port[digits] != '\0')
        return false;
    unsigned long n = strtoul(port, NULL, 10);
    return n <= 65535 && (listen || n > 0);
}

static int check_host(const char *url, const char *host, bool listen, struct diag *d)
{
    const char *colon = strrchr(host, ':');
    if (colon == NULL || colon == host)
        return diag_fail(d, SHEAF_EINVAL, "'%s' lacks a %s; give tcp://%s:PORT", url, colon == NULL ? "port" : "host",
                         listen ? "ADDRESS" : "HOST");
    if (!port_ok(colon + 1, listen))
        return diag_fail(d, SHEAF_EINVAL, "'%s': '%s' is no port; give a number from %d to 65535", url, colon + 1,
                         listen ? 0 : 1);
    return SHEAF_OK;
}

int address_check(const char *url, bool listen, struct diag *d)
{
    if (strncmp(url, "ipc://", 6) == 0)
        return check_path(url, url + 6, d);
    if (strncmp(url, "tcp://", 6) == 0)
        return check_host(url, url + 6, listen, d);
    return diag_fail(d, SHEAF_EINVAL, "'%s' is no address of a broker; give ipc://PATH or tcp://%s:PORT", url,
                     listen ? "ADDRESS" : "HOST");
}
