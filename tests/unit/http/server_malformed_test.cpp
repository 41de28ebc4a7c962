// What is refused as malformed, and how.
#include "tests/unit/http/raw_client.hpp"

#include <gtest/gtest.h>

using namespace lakeferry::test;

namespace {

struct bad_case {
    const char* name;
    std::string text;
    unsigned status;
    const char* why;
};

const bad_case bad_cases[] = {
    {"missing_host", "GET / HTTP/1.1\r\n\r\n", 400, "Host is missing"},
    {"doubled_host", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "Host is given more than once"},
    {"doubled_host_1_0", "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", 400, "Host is given more than once"},
    {"folded_line", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400, "folded"},
    {"folded_line_tab", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n", 400, "folded"},
    {"length_and_chunked",
     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, nullptr},
    {"length_and_gzip_coding",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", 400, "Transfer-Encoding beside"},
    {"chunked_1_0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "HTTP/1.0"},
    {"gzip_coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "chunked"},
    {"doubled_coding",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
     nullptr},
    {"doubled_length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, nullptr},
    {"length_list", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc", 400, "Content-Length"},
    {"length_negative", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, "Content-Length"},
    {"length_plus", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400, "Content-Length"},
    {"length_hex", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc", 400, "Content-Length"},
    {"length_huge", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400, "Content-Length"},
    {"length_empty", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400, "Content-Length"},
    {"chunk_size", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", 400, "chunked body"},
    {"chunk_end", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXX0\r\n\r\n", 400, "chunked body"},
    {"no_version", "GET /\r\n\r\n", 400, nullptr},
    {"version_2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/1.1"},
    {"version_junk", "GET / HTTQ/1.1\r\nHost: a\r\n\r\n", 505, nullptr},
    {"no_slash", "GET foo HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
    {"connect", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
    {"space_in_name", "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", 400, "header field"},
    {"no_colon", "GET / HTTP/1.1\r\nHost: a\r\nXYZ\r\n\r\n", 400, "header field"},
    {"nul_in_value", std::string("GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n", 35), 400, nullptr},
    {"bare_cr", "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400, nullptr},
    {"control_in_target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
    {"tls_hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9), 400, "not an HTTP request"},
    {"two_spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, nullptr},
    {"leading_space", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "not an HTTP request"},
};

class Malformed : public ::testing::TestWithParam<bad_case> {};

}  // namespace

TEST_P(Malformed, IsRefusedClosesAndReachesNobody)
{
    served_world w;
    // What follows must not be taken for a request: that is how smuggling works.
    const auto got = talk(w, GetParam().text + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(status_of(got), GetParam().status) << got.text;
    if (GetParam().why) EXPECT_NE(got.text.find(GetParam().why), std::string::npos) << got.text;
    EXPECT_TRUE(got.ended);
    EXPECT_EQ(count_of(got.text, "Content-Length: "), 1U) << "one answer: " << got.text;
    EXPECT_EQ(count_of(got.text, "Connection: close\r\n"), 1U);
    EXPECT_TRUE(w.service.handled.empty());
}

INSTANTIATE_TEST_SUITE_P(Table, Malformed, ::testing::ValuesIn(bad_cases),
                         [](const auto& info) { return std::string(info.param.name); });
