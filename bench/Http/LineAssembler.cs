namespace GlmCluster.Bench.Http;

/// <summary>Cuts bytes that arrive in any portions into lines.</summary>
internal sealed class LineAssembler
{
    private byte[] _held = new byte[512]; // a line whose end has not arrived
    private int _heldBytes;

    /// <summary>Takes the next line off the front of what arrived; keeps what is left when no line is complete.</summary>
    /// <param name="arrived">Loses what was taken.</param>
    /// <param name="line">Without its end (LF or CRLF); valid until the next call.</param>
    public bool TryTake(ref ReadOnlySpan<byte> arrived, out ReadOnlySpan<byte> line)
    {
        int end = arrived.IndexOf((byte)'\n');
        if (end < 0)
        {
            Hold(arrived);
            arrived = line = [];
            return false;
        }

        line = arrived[..end];
        arrived = arrived[(end + 1)..];
        if (_heldBytes > 0)
        {
            Hold(line);
            line = _held.AsSpan(0, _heldBytes);
            _heldBytes = 0;
        }

        line = line.TrimEnd((byte)'\r');
        return true;
    }

    private void Hold(ReadOnlySpan<byte> bytes)
    {
        if (_heldBytes + bytes.Length > _held.Length)
        {
            Array.Resize(ref _held, 2 * (_heldBytes + bytes.Length));
        }

        bytes.CopyTo(_held.AsSpan(_heldBytes));
        _heldBytes += bytes.Length;
    }
}
