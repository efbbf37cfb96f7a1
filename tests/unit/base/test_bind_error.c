/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Which process has a port, and what an operator is told about a socket that could not be bound. */
#include "tests/unit/prologue.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bind_error.h"

enum { TEXT_BYTES = 512 };

struct taken { /* a port that a socket here has */
    int fd;
    struct sockaddr_in address;
    struct bind_attempt attempt;
};

static void take(struct taken *taken, bool is_tcp)
{
    socklen_t size = sizeof taken->address;
    *taken = (struct taken){.fd = socket(AF_INET, is_tcp ? SOCK_STREAM : SOCK_DGRAM, 0),
                            .address = {.sin_family = AF_INET}};
    taken->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(taken->fd, (struct sockaddr *)&taken->address, size), 0);
    assert_int_equal(getsockname(taken->fd, (struct sockaddr *)&taken->address, &size), 0);
    if (is_tcp)
        assert_int_equal(listen(taken->fd, 1), 0);
    taken->attempt = (struct bind_attempt){
        .port = ntohs(taken->address.sin_port), .is_tcp = is_tcp, .error = EADDRINUSE};
}

static void a_listener_of_the_same_process_is_named_as_such(void **state)
{
    (void)state;
    for (int is_tcp = 0; is_tcp < 2; is_tcp++) {
        struct taken taken;
        char text[TEXT_BYTES], holder[BIND_HOLDER_BYTES];
        take(&taken, is_tcp);

        bind_error_explain(&taken.attempt, text, sizeof text);

        assert_non_null(strstr(text, "in use"));
        assert_non_null(strstr(text, "another listener of this process"));
        assert_non_null(strstr(text, is_tcp ? "TCP" : "UDP"));
        taken.attempt.is_tcp = !is_tcp;
        assert_false(bind_holder_find(&taken.attempt, holder));
        close(taken.fd);
    }
}

static void another_process_is_named_with_its_number(void **state)
{
    (void)state;
    struct taken taken;
    char text[TEXT_BYTES], expected[TEXT_BYTES];
    int gate[2];
    take(&taken, false);
    assert_int_equal(pipe(gate), 0);
    pid_t child = fork();
    if (child == 0) {
        char end;
        close(gate[1]);
        _exit(read(gate[0], &end, 1) == 0 ? 0 : 1); /* it has the socket until then */
    }
    assert_true(child > 0);
    close(taken.fd);

    bind_error_explain(&taken.attempt, text, sizeof text);

    snprintf(expected, sizeof expected, "(pid %d) has this UDP port; stop it", (int)child);
    assert_non_null(strstr(text, expected));
    close(gate[1]);
    close(gate[0]);
    waitpid(child, NULL, 0);
}

static void a_port_of_nobody_is_said_to_be_anothers(void **state)
{
    (void)state;
    struct taken taken;
    char text[TEXT_BYTES];
    take(&taken, false);
    close(taken.fd);

    bind_error_explain(&taken.attempt, text, sizeof text);

    assert_non_null(strstr(text, "another process has this UDP port (as root, ss -ulpn"));
}

static void explain(int error, unsigned port, char text[TEXT_BYTES])
{
    const struct bind_attempt attempt = {.port = port, .is_ipv6 = true, .error = error};
    bind_error_explain(&attempt, text, TEXT_BYTES);
}

static void each_error_says_what_to_do(void **state)
{
    (void)state;
    char text[TEXT_BYTES];
    explain(EACCES, 65535, text);
    assert_non_null(strstr(text, "security policy"));
    explain(EMFILE, 443, text);
    assert_non_null(strstr(text, "LimitNOFILE="));
    explain(ENFILE, 443, text);
    assert_non_null(strstr(text, "fs.file-max"));
    explain(EADDRNOTAVAIL, 443, text);
    assert_non_null(strstr(text, "no interface of this host has this address"));
    explain(EINVAL, 443, text);
    assert_non_null(strstr(text, "fe80:"));
    explain(EAFNOSUPPORT, 443, text);
    assert_non_null(strstr(text, "no IPv6"));
    explain(ENOMEM, 443, text);
    assert_string_equal(text, strerror(ENOMEM));
}

static void a_low_port_names_the_capability(void **state)
{
    (void)state;
    char text[TEXT_BYTES];
    unsigned first = 1024;
    FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "r");
    if (file) {
        assert_int_equal(fscanf(file, "%u", &first), 1);
        fclose(file);
    }
    if (first < 2)
        skip();
    explain(EACCES, first - 1, text);
    assert_non_null(strstr(text, "AmbientCapabilities=CAP_NET_BIND_SERVICE"));
    assert_non_null(strstr(text, "setcap"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_of_the_same_process_is_named_as_such),
        cmocka_unit_test(another_process_is_named_with_its_number),
        cmocka_unit_test(a_port_of_nobody_is_said_to_be_anothers),
        cmocka_unit_test(each_error_says_what_to_do),
        cmocka_unit_test(a_low_port_names_the_capability),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
