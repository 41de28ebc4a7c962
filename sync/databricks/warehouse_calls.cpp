#include "sync/databricks/json_fields.hpp"
#include "sync/databricks/warehouses.hpp"

#include <boost/json/serialize.hpp>

namespace lakeferry::databricks {

namespace {

call_options about(const std::string& id, rt::deadline limit)
{
    call_options out;
    out.limit = limit;
    out.target = resource::warehouse;
    out.name = id;
    return out;
}

std::string path_of(const std::string& id)
{
    return "/api/2.0/sql/warehouses/" + http::encode_component(id);
}

rt::awaitable<rt::outcome<void>> post(workspace& door, std::string id, const char* verb, rt::deadline limit)
{
    auto answer = co_await door.call("POST", path_of(id) + verb, "{}", about(id, limit));
    if (answer.has_error()) co_return answer.error();
    co_return rt::outcome<void>();
}

}  // namespace

rt::awaitable<rt::outcome<warehouse_info>> get_warehouse(workspace& door, std::string id, rt::deadline limit)
{
    auto answer = co_await door.call("GET", path_of(id), {}, about(id, limit));
    if (answer.has_error()) co_return answer.error();
    co_return parse_warehouse(answer->body);
}

rt::awaitable<rt::outcome<std::vector<warehouse_info>>> list_warehouses(workspace& door, rt::deadline limit)
{
    std::vector<warehouse_info> out;
    std::string token;
    for (unsigned page = 0; page < 100; ++page) {
        std::string path = "/api/2.0/sql/warehouses";
        if (!token.empty()) path += "?page_token=" + http::encode_component(token);
        auto answer = co_await door.call_json("GET", path, {}, about({}, limit));
        if (answer.has_error()) co_return answer.error();
        const auto* object = answer->if_object();
        if (object == nullptr) break;
        if (const auto* all = fields::array(*object, "warehouses")) {
            for (const auto& one : *all)
                if (auto info = parse_warehouse(boost::json::serialize(one)); info.has_value()) out.push_back(std::move(*info));
        }
        token = fields::text(*object, "next_page_token");
        if (token.empty()) break;
    }
    co_return out;
}

// Starting a warehouse that runs, and stopping one that does not, is harmless: both repeat.
rt::awaitable<rt::outcome<void>> start_warehouse(workspace& door, std::string id, rt::deadline limit)
{
    return post(door, std::move(id), "/start", limit);
}

rt::awaitable<rt::outcome<void>> stop_warehouse(workspace& door, std::string id, rt::deadline limit)
{
    return post(door, std::move(id), "/stop", limit);
}

}  // namespace lakeferry::databricks
