// What stands in the head of a request: path, method, content type, credentials. Pure.
#pragma once

#include "net/http/message.hpp"
#include "sync/core/call.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace lakeferry::intake {

struct route {
    std::string_view path{};
    std::optional<core::call_type> type{};  // absent: a batch
};

// The paths of Segment's tracking API, the short ones of its browser library, and /v1/import, which is what its Java
// libraries call the batch. nullptr: there is no such path.
const route* find_route(std::string_view target) noexcept;

// JSON may also come as text/plain: that is what browsers send without asking the server first (sendBeacon, and
// Segment's browser library by default).
bool is_json_type(std::optional<std::string_view> content_type) noexcept;

enum class encoding { identity, gzip, other };
encoding encoding_of(const http::headers& fields) noexcept;

// The user name of Basic authentication, which is the write key; the password plays no part. Other schemes count as
// absent: the write key in the body decides then.
struct basic_user {
    bool present = false;
    bool broken = false;  // "Basic" with something that is not base64 of user:password
    std::string user{};
};
basic_user read_basic(const http::headers& fields);

}  // namespace lakeferry::intake
