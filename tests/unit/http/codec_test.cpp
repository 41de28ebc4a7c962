// What is written, and that nothing written can be taken for something else.
#include "net/http/codec.hpp"

#include <gtest/gtest.h>

namespace http = lakeferry::http;
namespace codec = lakeferry::http::codec;

TEST(Codec, WritesRequests)
{
    std::string out;
    codec::write_request_head({.method = "POST", .target = "/x", .fields = {{"A", "b"}, {"content-length", "99"}}},
                              {"https", "h", "8443"}, out);
    EXPECT_EQ(out, "POST /x HTTP/1.1\r\nHost: h:8443\r\nA: b\r\nContent-Length: 0\r\n\r\n");
    out.clear();
    codec::write_request_head({.method = "GET", .target = "/", .fields = {{"host", "other"}}}, {"http", "h", ""}, out);
    EXPECT_EQ(out, "GET / HTTP/1.1\r\nhost: other\r\n\r\n");
}

TEST(Codec, WritesAnswersWhoseFieldsCannotBeForged)
{
    std::string out;
    codec::write_response({.status = 200,
                           .fields = {{"X", "a\r\nSet-Cookie: b"}, {"Connection", "upgrade"}, {"Transfer-Encoding", "x"}},
                           .body = "hi"},
                          false, true, true, out);
    EXPECT_EQ(out, "HTTP/1.1 200 OK\r\nX: a  Set-Cookie: b\r\nContent-Length: 2\r\n\r\nhi");
    out.clear();
    codec::write_response({.status = 204, .body = "ignored"}, false, true, false, out);
    EXPECT_EQ(out, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
}

TEST(Codec, FindsTheEndOfAHeadWhereverTheSearchBegan)
{
    const std::string_view text = "GET / HTTP/1.1\r\nA: b\r\n\r\nbody";
    for (std::size_t from = 0; from < 24; ++from) EXPECT_EQ(codec::find_head_end(text, from), 24U) << from;
    EXPECT_EQ(codec::find_head_end(text.substr(0, 23), 0), std::string_view::npos);
}
