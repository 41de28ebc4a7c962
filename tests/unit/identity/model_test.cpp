// Random histories against the plain model of the rules.
#include "tests/unit/identity/reference_model.hpp"
#include "tests/unit/identity/space_under_test.hpp"

#include <random>

namespace lakeferry::identity::test {
namespace {

struct history {
    std::vector<model_call> calls{};
    std::vector<std::string> texts{};
};

std::string date(std::int64_t day) { return core::format_timestamp(*core::parse_timestamp("2026-01-01") + day * core::day_us); }

history random_history(std::uint64_t seed, std::size_t count)
{
    std::mt19937_64 rng(seed);
    const auto pick = [&](std::uint64_t n) { return rng() % n; };
    const std::size_t people = 3 + pick(12);
    history h;
    for (std::size_t i = 0; i < count; ++i) {
        model_call c{.id = "m" + std::to_string(pick(20) == 0 ? pick(i + 1) : i), .day = static_cast<std::int64_t>(pick(30))};
        std::string rest = R"("timestamp":")" + date(c.day) + "\"";
        const bool identify = pick(2) == 0;
        const bool has_user = pick(3) == 0;
        const std::string user = pick(20) == 0 ? "000" : "u" + std::to_string(pick(people));
        if (has_user) {
            rest += R"(,"userId":")" + user + "\"";
            if (user != "000") c.identifiers.emplace_back("user_id", user);
        }
        std::vector<std::pair<std::string, std::optional<std::string>>> traits;
        if (identify) {
            std::string object;
            for (std::uint64_t n = pick(4); n > 0; --n) {
                const std::string name = "t" + std::to_string(pick(3));
                if (object.find(name) != std::string::npos) continue;
                const bool unset = pick(4) == 0;
                const auto value = std::to_string(pick(3));
                object += (object.empty() ? "\"" : ",\"") + name + "\":" + (unset ? "null" : value);
                traits.emplace_back(name, unset ? std::nullopt : std::optional(value));
            }
            if (pick(2) == 0) {
                const auto email = "e" + std::to_string(pick(people)) + "@x";
                object += std::string(object.empty() ? "" : ",") + R"("email":")" + email + "\"";
                traits.emplace_back("email", email);
                c.identifiers.emplace_back("email", email);
            }
            rest += R"(,"traits":{)" + object + "}";
            c.traits = traits;
        }
        if (!has_user || pick(2) == 0) {
            const auto anonymous = "a" + std::to_string(pick(people * 3));
            rest += R"(,"anonymousId":")" + anonymous + "\"";
            c.identifiers.emplace_back("anonymous_id", anonymous);
        }
        if (pick(6) == 0) {
            const auto phone = std::to_string(100 + pick(people));
            rest += R"(,"context":{"externalIds":[{"id":")" + phone + R"(","type":"phone","collection":"users","encoding":"none"}]})";
            c.identifiers.emplace_back("phone", phone);
        }
        h.texts.push_back(call(identify ? "identify" : "page", c.id, rest));
        h.calls.push_back(std::move(c));
    }
    return h;
}

void compare(space_under_test& space, const reference_model& model)
{
    std::vector<std::pair<std::string, std::string>> graph;
    for (const auto& row : space.rows("id_graph_updates"))
        graph.emplace_back(text(row, "segment_id"), text(row, "canonical_segment_id"));
    std::vector<std::pair<std::string, std::string>> expected_graph;
    for (const auto& [segment, canonical] : model.graph_updates)
        expected_graph.emplace_back(made_by(segment), made_by(canonical));
    EXPECT_EQ(graph, expected_graph);

    std::vector<std::tuple<std::string, std::string, std::string>> mappings;
    for (const auto& row : space.rows("external_id_mapping_updates"))
        mappings.emplace_back(text(row, "external_id_type"), text(row, "external_id_value"), text(row, "segment_id"));
    std::vector<std::tuple<std::string, std::string, std::string>> expected_mappings;
    for (const auto& [type, value, segment] : model.mapping_updates) expected_mappings.emplace_back(type, value, made_by(segment));
    EXPECT_EQ(mappings, expected_mappings);

    const auto updates = space.rows("profile_traits_updates");
    ASSERT_EQ(updates.size(), model.trait_updates.size());
    for (std::size_t i = 0; i < updates.size(); ++i) {
        const auto& [segment, shown] = model.trait_updates[i];
        EXPECT_EQ(text(updates[i], "segment_id"), made_by(segment));
        for (const char* name : {"t0", "t1", "t2", "email"})
            EXPECT_EQ(text(updates[i], name), shown.contains(name) ? shown.at(name) : "") << i << " " << name;
    }

    std::set<std::tuple<std::string, std::string, std::string>> traits;
    for (const auto& [_, row] : space.current("user_traits"))
        traits.emplace(text(row, "canonical_segment_id"), text(row, "name"), text(row, "value"));
    std::set<std::tuple<std::string, std::string, std::string>> expected_traits;
    for (const auto& [segment, name, value] : model.user_traits()) expected_traits.emplace(made_by(segment), name, value);
    EXPECT_EQ(traits, expected_traits);

    std::set<std::tuple<std::string, std::string, std::string>> identifiers;
    for (const auto& [_, row] : space.current("user_identifiers"))
        identifiers.emplace(text(row, "canonical_segment_id"), text(row, "type"), text(row, "value"));
    std::set<std::tuple<std::string, std::string, std::string>> expected_identifiers;
    for (const auto& [segment, type, value] : model.user_identifiers())
        expected_identifiers.emplace(made_by(segment), type, value);
    EXPECT_EQ(identifiers, expected_identifiers);

    std::map<std::string, std::string> merges;
    for (const auto& [segment, row] : space.current("profile_merges")) merges[segment] = text(row, "canonical_segment_id");
    std::map<std::string, std::string> expected_merges;
    for (const auto& [segment, canonical] : model.merges()) expected_merges[made_by(segment)] = made_by(canonical);
    EXPECT_EQ(merges, expected_merges);

    std::map<std::string, std::string> resolved;
    for (const char* table : {"identifies", "pages"}) {
        for (const auto& row : space.rows(table)) resolved[text(row, "id")] = text(row, "segment_id");
    }
    std::map<std::string, std::string> expected_resolved;
    for (const auto& [id, segment] : model.resolved) expected_resolved[id] = segment.empty() ? "" : made_by(segment);
    EXPECT_EQ(resolved, expected_resolved);
}

class AgainstTheModel : public testing::TestWithParam<std::uint64_t> {};

TEST_P(AgainstTheModel, RandomHistoriesComeOutTheSame)
{
    const auto seed = GetParam();
    std::mt19937_64 rng(seed);
    model_rules plain;
    core::identity_settings rules;
    rules.identifiers = {{.type = "user_id"}, {.type = "email"}};
    switch (seed % 4) {
        case 0: break;
        case 1:
            rules.merges_max = plain.merges_max = 2;
            rules.identifiers_max = plain.identifiers_max = 4;
            break;
        case 2:
            plain.limits = {{"anonymous_id", 2}, {"email", 1}};
            plain.window_days = {{"anonymous_id", 7}};
            rules.identifiers = {{.type = "user_id"}, {.type = "email", .limit = 1}, {.type = "anonymous_id", .limit = 2, .window_days = 7}};
            break;
        default:
            plain.limits = {{"user_id", 3}};
            rules.identifiers = {{.type = "user_id", .limit = 3}, {.type = "email"}};
            break;
    }
    const auto h = random_history(seed, 200);
    reference_model model(plain);
    for (const auto& c : h.calls) model.take(c);
    space_under_test space({.rules = rules});
    for (std::size_t i = 0; i < h.texts.size();) {
        const std::size_t size = std::min<std::size_t>(1 + rng() % 50, h.texts.size() - i);
        space.accept({h.texts.begin() + static_cast<std::ptrdiff_t>(i), h.texts.begin() + static_cast<std::ptrdiff_t>(i + size)});
        i += size;
        if (rng() % 2 == 0) space.resolve(1 + rng() % 60);
    }
    space.resolve();
    compare(space, model);
}

INSTANTIATE_TEST_SUITE_P(Seeds, AgainstTheModel, testing::Range<std::uint64_t>(1, 25));

}  // namespace
}  // namespace lakeferry::identity::test
