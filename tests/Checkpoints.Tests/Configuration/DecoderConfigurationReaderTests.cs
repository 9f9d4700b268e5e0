using System.Text;
using System.Text.Json.Nodes;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Families;
using GlmCluster.Checkpoints.Tests.Files;
using GlmCluster.Checkpoints.Tests.Weights;
using GlmCluster.TestKit;

namespace GlmCluster.Checkpoints.Tests.Configuration;

public sealed class DecoderConfigurationReaderTests
{
    [Theory]
    [InlineData("chatglm", 16, true, false, 1.5625e-07f)]
    [InlineData("glm", 16, true, false, 1.5625e-07f)]
    [InlineData("glm-edge", 32, false, true, 1e-5f)]
    [InlineData("glm4", 16, true, false, 1e-5f)]
    public void Read_GoldenFolder_HasItsSizes(string name, int rotaryDim, bool bias, bool tied, float epsilon)
    {
        DecoderConfiguration read = DecoderConfigurationReader.Read(RepositoryFolder.Path("tests", "data", "golden", name));

        Assert.Equal([0], read.StopIds);
        DecoderConfiguration expected = new()
        {
            Family = DecoderFamilies.All.Last(family => family.ModelType == name.Split('-')[0]),
            Layers = 3,
            HiddenSize = 128,
            FeedForwardSize = 192,
            Heads = 4,
            KvHeads = 2,
            HeadDim = 32,
            VocabularySize = 128,
            ContextTokens = 1024,
            NormEpsilon = epsilon,
            RotaryDim = rotaryDim,
            RotaryBase = 10000,
            QkvBias = bias,
            TiedHead = tied,
            StopIds = read.StopIds,
        };
        Assert.Equal(expected, read);
    }

    [Theory]
    [InlineData("{\"rope_theta\":500000.0,\"partial_rotary_factor\":1.0}", 500000, 32)]
    [InlineData("{\"rope_theta\":500000,\"rope_scaling\":null}", 500000, 16)]
    [InlineData("{\"rope_parameters\":{\"rope_theta\":1000000.0}}", 1000000, 16)]
    [InlineData("{\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":7000},\"rope_theta\":9}", 7000, 16)]
    [InlineData("{\"rope_parameters\":{\"partial_rotary_factor\":0.25},\"rope_theta\":9000,\"partial_rotary_factor\":1}", 9000, 8)]
    [InlineData("{\"rope_scaling\":{\"type\":\"default\"}}", 10000, 16)]
    public void Read_RotaryKeysOfGlm_AreFoundInEitherPlace(string keys, double rotaryBase, int rotaryDim)
    {
        JsonObject config = Golden("glm");
        config.Remove("rope_parameters");
        DecoderConfiguration read = Read(Merge(config, keys));
        Assert.Equal((rotaryBase, rotaryDim), (read.RotaryBase, read.RotaryDim));
    }

    [Theory]
    [InlineData("{\"rope_ratio\":500}", 5_000_000)]
    [InlineData("{\"rope_ratio\":50,\"_name_or_path\":\"THUDM/chatglm3-6b-32k\"}", 500_000)]
    [InlineData("{\"_name_or_path\":\"THUDM/chatglm2-6b\"}", 10_000)]
    public void Read_RopeRatioOfChatGlm_MultipliesTheBase(string keys, double rotaryBase) =>
        Assert.Equal(rotaryBase, Read(Merge(Golden("chatglm"), keys)).RotaryBase);

    [Fact]
    public void Read_RopeRatioOfChatGlm2With32k_DividesPositions()
    {
        DecoderConfiguration read = Read(Merge(Golden("chatglm"), "{\"rope_ratio\":16,\"_name_or_path\":\"THUDM/chatglm2-6b-32k\"}"));
        Assert.Equal((10_000, new LinearRotaryScaling(16)), (read.RotaryBase, read.RotaryScaling));
    }

    /// <summary>As the model card of GLM-4-0414 says; the other keys have the defaults of Hugging Face transformers.</summary>
    [Theory]
    [InlineData("{\"rope_scaling\":{\"type\":\"yarn\",\"factor\":4.0,\"original_max_position_embeddings\":32768}}", 32768, 131072, null)]
    [InlineData("{\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4,\"attention_factor\":1.5}}", 1024, 4096, 1.5)]
    [InlineData("{\"rope_parameters\":{\"rope_type\":\"yarn\",\"factor\":4,\"mscale\":1,\"mscale_all_dim\":1}}", 1024, 4096, 1.0)]
    public void Read_YarnOfGlm4_IsReadAndStretchesTheContext(string keys, int original, int context, double? attentionFactor)
    {
        DecoderConfiguration read = Read(Merge(Golden("glm4"), keys));
        Assert.Equal(new YarnRotaryScaling(4, original, 32, 1, attentionFactor, Truncates: true), read.RotaryScaling);
        Assert.Equal(context, read.ContextTokens);
    }

    [Theory]
    [InlineData("glm4_moe", true)]
    [InlineData("glm4_moe-air", false)]
    public void Read_GoldenFolderWithExperts_HasTheirSizes(string name, bool headNorms)
    {
        DecoderConfiguration read = DecoderConfigurationReader.Read(RepositoryFolder.Path("tests", "data", "golden", name));
        Assert.Equal((headNorms, RotaryPairing.HalfSplit), (read.HeadNorms, read.RotaryPairing));
        Assert.Equal(new ExpertConfiguration(8, 2, 48, 48, DenseLayers: 1, 1, 1, NormalizesWeights: true, 1.5f), read.Experts);
    }

    [Theory]
    [InlineData("{\"eos_token_id\":2}", new[] { 2 })]
    [InlineData("{\"eos_token_id\":[5,6,7]}", new[] { 5, 6, 7 })]
    [InlineData("{\"eos_token_id\":[]}", new int[0])]
    [InlineData("{\"eos_token_id\":null}", new int[0])]
    public void Read_StopIds_MayBeOneOrSeveral(string keys, int[] stopIds)
    {
        Assert.Equal(stopIds, Read(Merge(Golden("glm"), keys)).StopIds);
        Assert.Equal(stopIds, Read(Merge(Golden("chatglm"), keys)).StopIds);
    }

    [Theory]
    [InlineData("num_hidden_layers")]
    [InlineData("hidden_size")]
    [InlineData("intermediate_size")]
    [InlineData("num_attention_heads")]
    [InlineData("num_key_value_heads")]
    [InlineData("head_dim")]
    [InlineData("vocab_size")]
    [InlineData("max_position_embeddings")]
    [InlineData("rms_norm_eps")]
    [InlineData("model_type")]
    public void Read_GlmKeyMissingOrWrong_NamesIt(string key) => AssertKeyIsChecked(Golden("glm"), key);

    [Theory]
    [InlineData("num_layers")]
    [InlineData("hidden_size")]
    [InlineData("ffn_hidden_size")]
    [InlineData("num_attention_heads")]
    [InlineData("multi_query_group_num")]
    [InlineData("kv_channels")]
    [InlineData("seq_length")]
    [InlineData("layernorm_epsilon")]
    public void Read_ChatGlmKeyMissingOrWrong_NamesIt(string key) => AssertKeyIsChecked(Golden("chatglm"), key);

    [Theory]
    [InlineData("glm", "{\"num_hidden_layers\":1001}", "\"num_hidden_layers\" is 1001", "1 to 1,000")]
    [InlineData("glm", "{\"hidden_size\":99999999999}", "\"hidden_size\" is 99999999999", "1,048,576")]
    [InlineData("glm", "{\"vocab_size\":4194305}", "\"vocab_size\" is 4194305", "4,194,304")]
    [InlineData("glm", "{\"num_key_value_heads\":3}", "\"num_key_value_heads\" is 3", "divisor of the 4")]
    [InlineData("glm", "{\"rope_parameters\":{\"partial_rotary_factor\":0.3}}", "\"rope_parameters.partial_rotary_factor\" is 0.3", "9 of 32")]
    [InlineData("glm", "{\"rope_parameters\":{\"partial_rotary_factor\":1.5}}", "\"rope_parameters.partial_rotary_factor\" is 1.5", "0 to 1")]
    [InlineData("glm", "{\"rope_parameters\":{\"partial_rotary_factor\":0}}", "\"rope_parameters.partial_rotary_factor\" is 0", "0 of 32")]
    [InlineData("glm", "{\"rope_parameters\":{\"rope_type\":\"llama3\"}}", "\"rope_parameters.rope_type\" is \"llama3\"", "\"yarn\"")]
    [InlineData("glm4", "{\"rope_scaling\":{\"type\":\"yarn\",\"factor\":0.5}}", "\"rope_scaling.factor\" is 0.5", "1 to 1024")]
    [InlineData("glm4", "{\"rope_scaling\":{\"type\":\"yarn\"}}", "\"rope_scaling.factor\" is missing", "1 to 1024")]
    [InlineData("glm4_moe", "{\"n_routed_experts\":2048}", "\"n_routed_experts\" is 2048", "1 to 1,024")]
    [InlineData("glm4_moe", "{\"num_experts_per_tok\":9}", "\"num_experts_per_tok\" is 9", "1 to 8")]
    [InlineData("glm4_moe", "{\"n_group\":4,\"topk_group\":1,\"num_experts_per_tok\":3}", "\"num_experts_per_tok\" is 3", "1 to 2")]
    [InlineData("glm4_moe", "{\"n_group\":3}", "\"n_group\" is 3", "divisor of the 8")]
    [InlineData("glm4_moe", "{\"first_k_dense_replace\":4}", "\"first_k_dense_replace\" is 4", "0 to 3")]
    [InlineData("glm4_moe", "{\"mlp_layer_types\":[\"sparse\",\"dense\",\"sparse\"]}", "\"mlp_layer_types\" is [", "3 layers")]
    [InlineData("glm4_moe", "{\"mlp_layer_types\":[7]}", "\"mlp_layer_types\" is [7]", "a list of strings")]
    [InlineData("glm", "{\"rope_parameters\":{\"rope_theta\":1e999}}", "\"rope_parameters.rope_theta\" is 1e999", "a number")]
    [InlineData("glm", "{\"rope_parameters\":7}", "\"rope_parameters\" is 7", "an object")]
    [InlineData("glm", "{\"hidden_act\":\"gelu\"}", "\"hidden_act\" is \"gelu\"", "\"silu\"")]
    [InlineData("glm", "{\"attention_bias\":1}", "\"attention_bias\" is 1", "true or false")]
    [InlineData("glm", "{\"eos_token_id\":[1,128]}", "\"eos_token_id\" is [1,128]", "0 to 127")]
    [InlineData("glm", "{\"eos_token_id\":true}", "\"eos_token_id\" is true", "0 to 127")]
    [InlineData("glm", "{\"quantization_config\":{\"bits\":4}}", "\"quantization_config\"", "not supported yet")]
    [InlineData("glm", "{\"vision_config\":{}}", "vision_config", "not supported")]
    [InlineData("glm", "{\"model_type\":\"llama\"}", "\"model_type\" is \"llama\"", "\"chatglm\" (ChatGLM2")]
    [InlineData("glm", "{\"model_type\":\"glm5_next\"}", "\"model_type\" is \"glm5_next\"", "\"glm4_moe\" (GLM-4.5")]
    [InlineData("chatglm", "{\"vision_config\":{\"layers\":63}}", "vision_config", "not supported")]
    [InlineData("chatglm", "{\"padded_vocab_size\":null}", "\"padded_vocab_size\" is missing", "an integer")]
    [InlineData("chatglm-v1", "{\"position_encoding_2d\":false}", "\"position_encoding_2d\" is false", "true")]
    [InlineData("chatglm-v1", "{\"quantization_bit\":2}", "\"quantization_bit\" is 2", "0, 4 or 8")]
    [InlineData("chatglm-v1", "{\"quantization_embeddings\":true}", "\"quantization_embeddings\" is true", "false")]
    [InlineData("chatglm-v1", "{\"pre_seq_len\":128}", "\"pre_seq_len\" is 128", "not supported")]
    [InlineData("chatglm-v1", "{\"num_attention_heads\":3}", "\"hidden_size\" is 128", "3 heads")]
    [InlineData("chatglm-v1", "{\"bos_token_id\":128}", "\"bos_token_id\" is 128", "0 to 127")]
    [InlineData("glm4_moe_lite", "{\"kv_lora_rank\":1024}", "\"kv_lora_rank\" is 1024", "1024 together")]
    [InlineData("glm4_moe_lite", "{\"qk_rope_head_dim\":15}", "\"qk_rope_head_dim\" is 15", "an even number")]
    [InlineData("glm4_moe_lite", "{\"q_lora_rank\":null}", "\"q_lora_rank\" is missing", "an integer")]
    [InlineData("glm4_moe_lite", "{\"rope_parameters\":{\"rope_type\":\"yarn\",\"factor\":2}}", "\"rope_parameters\" is {", "default")]
    [InlineData("chatglm", "{\"quantization_bit\":5}", "\"quantization_bit\" is 5", "0, 4 or 8")]
    [InlineData("chatglm", "{\"pre_seq_len\":128}", "\"pre_seq_len\" is 128", "not supported")]
    [InlineData("chatglm", "{\"multi_query_attention\":false}", "\"multi_query_attention\" is false", "true")]
    [InlineData("chatglm", "{\"multi_query_attention\":null}", "\"multi_query_attention\" is missing", "true")]
    [InlineData("chatglm", "{\"rmsnorm\":false}", "\"rmsnorm\" is false", "true")]
    [InlineData("chatglm", "{\"post_layer_norm\":false}", "\"post_layer_norm\" is false", "true")]
    [InlineData("chatglm", "{\"add_bias_linear\":true}", "\"add_bias_linear\" is true", "false")]
    [InlineData("chatglm", "{\"apply_residual_connection_post_layernorm\":true}", "post_layernorm\" is true", "false")]
    [InlineData("chatglm", "{\"kv_channels\":30}", "\"kv_channels\" is 30", "15 of 30")]
    [InlineData("chatglm", "{\"rope_ratio\":-1}", "\"rope_ratio\" is -1", "a number")]
    public void Read_UnsupportedValue_NamesKeyValueAndLimit(string golden, string keys, string found, string supported) =>
        AssertRefused(Merge(Golden(golden), keys).ToJsonString(), "config.json", found, supported);

    [Theory]
    [InlineData("{\"quantization_bit\":0,\"pre_seq_len\":null}")]
    [InlineData("{\"original_rope\":true,\"unknown_key\":[1,{}]}")]
    public void Read_HarmlessKeys_AreLetPass(string keys) => Assert.Equal(3, Read(Merge(Golden("chatglm"), keys)).Layers);

    [Theory]
    [InlineData("", "not valid JSON")]
    [InlineData("{\"model_type\":", "not valid JSON")]
    [InlineData("[]", "supported: a JSON object")]
    [InlineData("{\"model_type\":\"\\ud800\"}", "not valid Unicode")]
    public void Read_NotAConfiguration_SaysSo(string json, string fault) => AssertRefused(json, "config.json", fault);

    [Fact]
    public void Read_TooDeep_IsRefused() =>
        AssertRefused($"{{\"x\":{new string('[', 100_000)}{new string(']', 100_000)}}}", "config.json", "not valid JSON");

    [Fact]
    public void Read_TooLong_IsRefused() => AssertRefused($"{{\"x\":\"{new string('x', 1 << 20)}\"}}", "config.json", "1,048,576");

    [Fact]
    public void Read_NoFile_NamesIt()
    {
        using var folder = new TempFolder();
        string message = Assert.Throws<CheckpointException>(() => DecoderConfigurationReader.Read(folder.Path)).Message;
        Assert.Equal($"{folder.File("config.json")} does not exist.", message);
    }

    [Fact]
    public void Read_RandomlyDamagedText_FailsOnlyCleanly()
    {
        var random = new Random(20261);
        int refused = 0;
        foreach (string golden in (string[])["glm", "chatglm", "glm4_moe", "glm4_moe_lite", "chatglm-v1"])
        {
            byte[] text = Encoding.UTF8.GetBytes(Golden(golden).ToJsonString());
            for (int round = 0; round < 1000; round++)
            {
                using var damaged = new MemoryStream(HeaderMutations.Damage(text, random));
                try
                {
                    DecoderConfiguration read = DecoderConfigurationReader.Read(damaged);
                    Assert.True(read.Heads % read.KvHeads == 0 && read.RotaryDim % 2 == 0 && read.RotaryDim <= read.HeadDim);
                }
                catch (CheckpointException)
                {
                    refused++;
                }
            }
        }

        Assert.InRange(refused, 500, 4999);
    }

    private static void AssertKeyIsChecked(JsonObject config, string key)
    {
        foreach (JsonNode? wrong in (JsonNode?[])[null, 0, -1, "7", true, new JsonArray(), double.MaxValue])
        {
            config[key] = wrong;
            AssertRefused(config.ToJsonString(), "config.json", $"\"{key}\"", "supported: ");
        }
    }

    private static void AssertRefused(string json, params string[] parts)
    {
        string message = Assert.Throws<CheckpointException>(() => Read(json)).Message;
        Assert.All(parts, part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    private static DecoderConfiguration Read(JsonObject config) => Read(config.ToJsonString());

    private static DecoderConfiguration Read(string json)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(json));
        return DecoderConfigurationReader.Read(stream);
    }

    private static JsonObject Golden(string name) =>
        JsonNode.Parse(File.ReadAllText(RepositoryFolder.Path("tests", "data", "golden", name, "config.json")))!.AsObject();

    private static JsonObject Merge(JsonObject config, string keys)
    {
        foreach ((string key, JsonNode? value) in JsonNode.Parse(keys)!.AsObject())
        {
            config[key] = value?.DeepClone();
        }

        return config;
    }
}
