// Whatever the Statement Execution API answers: no exception, and every failure has its words.
#include "net/rt/check.hpp"
#include "sync/databricks/errors.hpp"
#include "sync/databricks/identity.hpp"
#include "sync/databricks/statement_messages.hpp"
#include "sync/databricks/warehouses.hpp"

#include <cstddef>
#include <cstdint>

using namespace lakeferry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    const auto status = databricks::parse_statement_status(body);
    if (status.has_value()) {
        rt::check(!status->id.empty(), "a statement has an id");
        rt::check((status->state == databricks::statement_state::failed) == status->error.has_value(), "an error if it failed");
        rt::check(status->first.next_link.empty() || status->first.next_link.starts_with("/api/"), "links stay on the host");
        (void)databricks::read_counts(status->columns, status->first.rows);
        if (status->error) rt::check(!databricks::statement_failure(*status->error, "p").id.empty(), "a failure has an id");
    }
    (void)databricks::parse_result_chunk(body);
    (void)databricks::parse_history(body, {"k", "v"});
    (void)databricks::parse_warehouse(body);
    (void)databricks::parse_identity(body);
    (void)databricks::parse_http_path(body);
    const auto why = databricks::statement_failure({"id", "", "", std::string(body)}, "p");
    rt::check(!why.id.empty() && why.detail.size() < 8192, "a failure has an id and bounded words");
    http::response answer;
    answer.status = size == 0 ? 500 : 100 + data[0] * 2U;
    answer.body = body;
    databricks::rest_context context;
    context.idempotent = size % 2 == 0;
    const auto refused = databricks::rest_failure(answer, context);
    if (refused) rt::check(!refused->id.empty() && refused->detail.size() < 8192, "a failure has an id and bounded words");
    return 0;
}
