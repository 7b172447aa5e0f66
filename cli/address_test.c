/* SPDX-License-Identifier: MIT */
#include "cli/address.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static void takes_addresses(void **state)
{
    (void)state;
    static const char *const good[] = {"ipc:///run/sheaf/s", "ipc://x", "tcp://127.0.0.1:1", "tcp://host:65535",
                                       "tcp://[::1]:5555"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(address_check(good[i], false, NULL), SHEAF_OK);
        assert_int_equal(address_check(good[i], true, NULL), SHEAF_OK);
    }
    assert_int_equal(address_check("tcp://*:0", true, NULL), SHEAF_OK);
    assert_int_equal(address_check("tcp://127.0.0.1:*", true, NULL), SHEAF_OK);
}

static void says_what_is_wrong_with_others(void **state)
{
    (void)state;
    static const struct {
        const char *url, *line;
        bool listen;
    } bad[] = {
        {"", "'' is no address of a broker; give ipc://PATH or tcp://HOST:PORT", false},
        {"localhost:5", "'localhost:5' is no address of a broker; give ipc://PATH or tcp://ADDRESS:PORT", true},
        {"IPC://x", "'IPC://x' is no address of a broker; give ipc://PATH or tcp://HOST:PORT", false},
        {"ipc://", "'ipc://' names no socket; give ipc://PATH", false},
        {"tcp://", "'tcp://' lacks a port; give tcp://HOST:PORT", false},
        {"tcp://host", "'tcp://host' lacks a port; give tcp://HOST:PORT", false},
        {"tcp://:5", "'tcp://:5' lacks a host; give tcp://ADDRESS:PORT", true},
        {"tcp://h:", "'tcp://h:': '' is no port; give a number from 1 to 65535", false},
        {"tcp://h:0", "'tcp://h:0': '0' is no port; give a number from 1 to 65535", false},
        {"tcp://h:*", "'tcp://h:*': '*' is no port; give a number from 1 to 65535", false},
        {"tcp://h:65536", "'tcp://h:65536': '65536' is no port; give a number from 0 to 65535", true},
        {"tcp://h:99999999999999999999",
         "'tcp://h:99999999999999999999': '99999999999999999999' is no port; give a "
         "number from 0 to 65535",
         true},
        {"tcp://h:5x", "'tcp://h:5x': '5x' is no port; give a number from 1 to 65535", false},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct diag d = {{0}};
        assert_int_equal(address_check(bad[i].url, bad[i].listen, &d), SHEAF_EINVAL);
        assert_string_equal(d.text, bad[i].line);
    }
}

static void sockets_have_short_paths(void **state)
{
    (void)state;
    char url[200];
    struct diag d = {{0}};
    (void)snprintf(url, sizeof url, "ipc://%0107d", 0);
    assert_int_equal(address_check(url, true, &d), SHEAF_OK);
    (void)snprintf(url, sizeof url, "ipc://%0108d", 0);
    assert_int_equal(address_check(url, true, &d), SHEAF_EINVAL);
    assert_non_null(strstr(d.text, "at most 107 bytes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_addresses),
        cmocka_unit_test(says_what_is_wrong_with_others),
        cmocka_unit_test(sockets_have_short_paths),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
